//! Rows of any values.

use pintail::relation::quote_literal;
use proptest::prelude::*;

use super::Both;
use super::support::rows;

/// One row of values as DuckDB literals.
fn row() -> impl Strategy<Value = Vec<String>> {
    let any_text = "[^\0]{0,12}";
    let decimal = |width: u8, scale: u8| {
        let max = 10_i128.pow(u32::from(width)) - 1;
        (-max..=max).prop_map(move |unscaled| {
            let digits =
                format!("{:0width$}", unscaled.unsigned_abs(), width = usize::from(scale) + 1);
            let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
            let sign = if unscaled < 0 { "-" } else { "" };
            format!("'{sign}{whole}.{fraction}'::DECIMAL({width},{scale})")
        })
    };
    let listed = |items: Vec<Option<String>>, data_type: &str| {
        let items: Vec<String> =
            items.into_iter().map(|item| item.unwrap_or_else(|| "NULL".to_owned())).collect();
        format!("[{}]::{data_type}[]", items.join(", "))
    };
    let one = (
        any::<i64>().prop_map(|i| format!("({i})::BIGINT")),
        decimal(18, 2),
        decimal(9, 9),
        decimal(18, 17),
        decimal(38, 19),
        decimal(37, 37),
        any_text.prop_map(|s| quote_literal(&s)),
        // Within PostgreSQL's range, from 4713 BC to 294247 AD.
        (-210_866_803_200_000_000_i64..9_223_371_244_800_000_000_i64)
            .prop_map(|micros| format!("make_timestamp({micros})")),
        (-2_440_588_i64..2_000_000)
            .prop_map(|days| format!("(DATE '1970-01-01' + ({days})::INTEGER)::DATE")),
        any::<f64>().prop_map(|f| format!("'{f}'::DOUBLE")),
    );
    let two = (
        proptest::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| {
            let hex: String = bytes.iter().map(|byte| format!("\\x{byte:02X}")).collect();
            format!("'{hex}'::BLOB")
        }),
        any::<u128>().prop_map(|u| format!("'{}'::UUID", uuid::Uuid::from_u128(u))),
        (any::<i16>(), any::<i16>(), -1_000_000_000_000_i64..1_000_000_000_000)
            .prop_map(|(m, d, u)| format!("to_months({m}) + to_days({d}) + to_microseconds({u})")),
        proptest::collection::vec(proptest::option::of(any_text), 0..4).prop_map(move |items| {
            listed(items.into_iter().map(|i| i.map(|s| quote_literal(&s))).collect(), "VARCHAR")
        }),
        proptest::collection::vec(proptest::option::of(any::<i64>()), 0..4).prop_map(
            move |items| {
                listed(items.into_iter().map(|i| i.map(|i| format!("({i})"))).collect(), "BIGINT")
            },
        ),
        any::<Option<bool>>()
            .prop_map(|b| format!("{}::BOOLEAN", b.map_or("NULL".into(), |b| b.to_string()))),
        (0_i64..=86_400_000_000).prop_map(|u| {
            let seconds = u / 1_000_000;
            format!(
                "'{:02}:{:02}:{:02}.{:06}'::TIME",
                seconds / 3600,
                seconds / 60 % 60,
                seconds % 60,
                u % 1_000_000
            )
        }),
    );
    (one, two).prop_map(|(a, b)| {
        vec![a.0, a.1, a.2, a.3, a.4, a.5, a.6, a.7, a.8, a.9, b.0, b.1, b.2, b.3, b.4, b.5, b.6]
    })
}

#[test]
fn any_values_go_over_and_come_back() {
    let both = std::cell::RefCell::new(Both::new());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 12,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&proptest::collection::vec(row(), 1..25), |values| {
            let both = &mut *both.borrow_mut();
            let list: Vec<String> = values
                .iter()
                .enumerate()
                .map(|(n, row)| {
                    let named: Vec<String> = row
                        .iter()
                        .enumerate()
                        .map(|(c, value)| format!("{value} AS c{c}"))
                        .collect();
                    format!("SELECT {n} AS n, {}", named.join(", "))
                })
                .collect();
            both.duck
                .execute(&format!("CREATE OR REPLACE TABLE t AS {}", list.join(" UNION ALL ")))
                .unwrap();
            both.there_and_back("t");
            // And PostgreSQL shows what DuckDB shows, but for intervals and years before Christ.
            let shown = "select c0, c1, c2, c3, c4, c5, c6, c9, c10, c11, c13, c14, c15, c16";
            let here = rows(&mut *both.duck, &format!("{shown} from t order by n"));
            let there = rows(&mut both.postgres, &format!("{shown} from served.t order by n"));
            assert_eq!(here, there);
            Ok(())
        })
        .unwrap();
}
