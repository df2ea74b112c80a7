//! The nine files: how values are written, their columns, CSV while the data is made, Parquet afterwards.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use crate::Result;
use crate::random::Random;

pub(crate) const DAY: i64 = 86_400;

/// Seconds since 1970 as `2018-01-31 23:59:59`, or nothing for a date that is missing.
pub(crate) fn timestamp(seconds: Option<i64>) -> String {
    let Some(seconds) = seconds else { return String::new() };
    let (days, time) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    // Howard Hinnant's civil_from_days, <https://howardhinnant.github.io/date_algorithms.html>
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Cents as the real files write money: `99.9`, `144.0`, `8.77`.
pub(crate) fn money(cents: i64) -> String {
    match cents % 100 {
        c if c % 10 == 0 => format!("{}.{}", cents / 100, c / 10),
        c => format!("{}.{c:02}", cents / 100),
    }
}

/// A coordinate in millionths of a degree, with more digits behind it as in the real files.
pub(crate) fn degrees(millionths: i64, random: &mut Random) -> String {
    let sign = if millionths < 0 { "-" } else { "" };
    let absolute = millionths.abs();
    format!(
        "{sign}{}.{:06}{:08}",
        absolute / 1_000_000,
        absolute % 1_000_000,
        random.below(100_000_000)
    )
}

pub(crate) fn zip_code(zip: u32) -> String {
    format!("{zip:05}")
}

/// A file: its name, its columns with the types that Parquet gives them.
pub(crate) struct Table {
    pub(crate) file: &'static str,
    pub(crate) columns: &'static [(&'static str, &'static str)],
}

pub(crate) const TEXT: &str = "varchar";
pub(crate) const TIME: &str = "timestamp";
pub(crate) const MONEY: &str = "decimal(18, 2)";
pub(crate) const WHOLE: &str = "integer";

pub(crate) const ORDERS: usize = 0;
pub(crate) const ITEMS: usize = 1;
pub(crate) const PAYMENTS: usize = 2;
pub(crate) const REVIEWS: usize = 3;
pub(crate) const CUSTOMERS: usize = 4;
pub(crate) const PRODUCTS: usize = 5;
pub(crate) const SELLERS: usize = 6;
pub(crate) const GEOLOCATION: usize = 7;
pub(crate) const TRANSLATION: usize = 8;

/// In the order of the constants above.
pub(crate) const TABLES: [Table; 9] = [
    Table {
        file: "olist_orders_dataset",
        columns: &[
            ("order_id", TEXT),
            ("customer_id", TEXT),
            ("order_status", TEXT),
            ("order_purchase_timestamp", TIME),
            ("order_approved_at", TIME),
            ("order_delivered_carrier_date", TIME),
            ("order_delivered_customer_date", TIME),
            ("order_estimated_delivery_date", TIME),
        ],
    },
    Table {
        file: "olist_order_items_dataset",
        columns: &[
            ("order_id", TEXT),
            ("order_item_id", WHOLE),
            ("product_id", TEXT),
            ("seller_id", TEXT),
            ("shipping_limit_date", TIME),
            ("price", MONEY),
            ("freight_value", MONEY),
        ],
    },
    Table {
        file: "olist_order_payments_dataset",
        columns: &[
            ("order_id", TEXT),
            ("payment_sequential", WHOLE),
            ("payment_type", TEXT),
            ("payment_installments", WHOLE),
            ("payment_value", MONEY),
        ],
    },
    Table {
        file: "olist_order_reviews_dataset",
        columns: &[
            ("review_id", TEXT),
            ("order_id", TEXT),
            ("review_score", WHOLE),
            ("review_comment_title", TEXT),
            ("review_comment_message", TEXT),
            ("review_creation_date", TIME),
            ("review_answer_timestamp", TIME),
        ],
    },
    Table {
        file: "olist_customers_dataset",
        columns: &[
            ("customer_id", TEXT),
            ("customer_unique_id", TEXT),
            ("customer_zip_code_prefix", TEXT),
            ("customer_city", TEXT),
            ("customer_state", TEXT),
        ],
    },
    Table {
        file: "olist_products_dataset",
        columns: &[
            ("product_id", TEXT),
            ("product_category_name", TEXT),
            ("product_name_lenght", WHOLE),
            ("product_description_lenght", WHOLE),
            ("product_photos_qty", WHOLE),
            ("product_weight_g", WHOLE),
            ("product_length_cm", WHOLE),
            ("product_height_cm", WHOLE),
            ("product_width_cm", WHOLE),
        ],
    },
    Table {
        file: "olist_sellers_dataset",
        columns: &[
            ("seller_id", TEXT),
            ("seller_zip_code_prefix", TEXT),
            ("seller_city", TEXT),
            ("seller_state", TEXT),
        ],
    },
    Table {
        file: "olist_geolocation_dataset",
        columns: &[
            ("geolocation_zip_code_prefix", TEXT),
            ("geolocation_lat", "double"),
            ("geolocation_lng", "double"),
            ("geolocation_city", TEXT),
            ("geolocation_state", TEXT),
        ],
    },
    Table {
        file: "product_category_name_translation",
        columns: &[("product_category_name", TEXT), ("product_category_name_english", TEXT)],
    },
];

/// The nine CSV files, open at once: an order is written to all of them before the next one is made, so
/// that the number of orders is bounded by the disk only.
pub(crate) struct Files(Vec<csv::Writer<BufWriter<File>>>);

impl Files {
    pub(crate) fn create(folder: &Path) -> Result<Files> {
        let mut writers = Vec::new();
        for table in &TABLES {
            let file = File::create(folder.join(format!("{}.csv", table.file)))?;
            let mut writer = csv::Writer::from_writer(BufWriter::new(file));
            writer.write_record(table.columns.iter().map(|(name, _)| name))?;
            writers.push(writer);
        }
        Ok(Files(writers))
    }

    pub(crate) fn row<const N: usize>(&mut self, table: usize, values: [&str; N]) -> Result<()> {
        self.0[table].write_record(values)?;
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        for writer in &mut self.0 {
            writer.flush()?;
        }
        Ok(())
    }
}

/// Replaces the CSV files by Parquet files with the same rows in the same order, and typed columns.
pub(crate) fn to_parquet(folder: &Path) -> Result<()> {
    let database = duckdb::Connection::open_in_memory()?;
    // one thread, so that the row groups are always cut in the same way
    database.execute_batch("set threads = 1; set preserve_insertion_order = true;")?;
    for table in &TABLES {
        let csv = folder.join(format!("{}.csv", table.file));
        let parquet = folder.join(format!("{}.parquet", table.file));
        let columns: Vec<String> =
            table.columns.iter().map(|(name, kind)| format!("'{name}': '{kind}'")).collect();
        database.execute_batch(&format!(
            "copy (select * from read_csv({}, header = true, auto_detect = false, delim = ',', \
             quote = '\"', escape = '\"', columns = {{{}}})) to {} (format parquet, compression zstd);",
            quoted(&csv)?,
            columns.join(", "),
            quoted(&parquet)?,
        ))?;
        fs::remove_file(csv)?;
    }
    Ok(())
}

/// A path as a SQL string.
pub(crate) fn quoted(path: &Path) -> Result<String> {
    let text = path.to_str().ok_or("the folder's name is not UTF-8")?;
    Ok(format!("'{}'", text.replace('\'', "''")))
}
