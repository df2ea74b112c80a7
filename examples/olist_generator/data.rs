//! The rows of the nine files, an order after the other.

use std::collections::BTreeMap;

use crate::facts::{
    BAD_SENTENCES, BAD_TITLES, CATEGORIES, CITIES, City, GOOD_SENTENCES, GOOD_TITLES, UNTRANSLATED,
};
use crate::files::{
    CUSTOMERS, DAY, Files, GEOLOCATION, ITEMS, ORDERS, PAYMENTS, PRODUCTS, REVIEWS, SELLERS,
    TRANSLATION, degrees, money, timestamp, zip_code,
};
use crate::order::Order;
use crate::random::Random;
use crate::{Args, Result};

struct Place {
    city: &'static City,
    zip: u32,
}

struct Product {
    id: String,
    seller: usize,
    cents: i64,
    grams: i64,
}

struct Seller {
    id: String,
    state: &'static str,
    /// Hands things over late.
    slow: bool,
    /// Sells things that people complain about.
    shoddy: bool,
}

struct Customer {
    unique_id: String,
    zip: u32,
    city: &'static City,
}

struct Review {
    id: String,
    score: i64,
    title: String,
    message: String,
    created: i64,
    answered: i64,
}

pub(crate) struct Generator {
    random: Random,
    orders: u64,
    products: Vec<Product>,
    sellers: Vec<Seller>,
    /// Zip codes in use, for the geolocation file.
    places: BTreeMap<u32, &'static City>,
    /// The latest customers, some of whom come back.
    known_customers: Vec<Customer>,
    last_review: Option<Review>,
}

impl Generator {
    pub(crate) fn new(args: &Args) -> Generator {
        Generator {
            random: Random(args.seed),
            orders: args.orders,
            products: Vec::new(),
            sellers: Vec::new(),
            places: BTreeMap::new(),
            known_customers: Vec::new(),
            last_review: None,
        }
    }

    pub(crate) fn write_all(&mut self, files: &mut Files) -> Result<()> {
        for (name, english, _) in &CATEGORIES {
            files.row(TRANSLATION, [name, english])?;
        }
        self.sellers(files)?;
        self.products(files)?;
        for number in 0..self.orders {
            self.order(number, files)?;
        }
        self.geolocation(files)
    }

    /// A zip code in some city. The more orders, the more zip codes.
    fn place(&mut self) -> Place {
        let city = self.random.weighted(&CITIES, |city| city.weight);
        let most = (self.orders / 25 * city.weight / 150).clamp(3, 400);
        let zip = city.first_zip + self.random.below(most) as u32;
        self.places.insert(zip, city);
        Place { city, zip }
    }

    fn sellers(&mut self, files: &mut Files) -> Result<()> {
        for number in 0..(self.orders / 25).max(12) {
            // three sellers out of four sit in the south-east
            let mut place = self.place();
            if !matches!(place.city.state, "SP" | "PR" | "MG") && self.random.per_mille(600) {
                place = self.place();
            }
            let id = self.random.id();
            let Place { city, zip } = place;
            files.row(SELLERS, [&id, &zip_code(zip), city.name, city.state])?;
            let (slow, shoddy) = (number % 9 == 4, number % 11 == 6);
            self.sellers.push(Seller { id, state: city.state, slow, shoddy });
        }
        Ok(())
    }

    fn products(&mut self, files: &mut Files) -> Result<()> {
        for number in 0..(self.orders * 2 / 5).max(40) {
            let random = &mut self.random;
            let (category, usual) = if number % 83 == 19 {
                *random.pick(&UNTRANSLATED)
            } else {
                let (name, _, usual) = random.pick(&CATEGORIES);
                (*name, *usual)
            };
            // 30 % to 250 % of the usual price, ending in 90 or 99 as prices do
            let cents =
                usual * random.between(30, 250) / 100 / 100 * 100 + *random.pick(&[90, 99, 99, 0]);
            let cents = cents.max(490);
            let grams = random.between(2, 80) * random.between(25, 150);
            let id = random.id();

            let mut about: [String; 8] = [
                category.to_owned(),
                random.between(20, 63).to_string(),
                random.between(80, 2800).to_string(),
                random.between(1, 6).to_string(),
                grams.to_string(),
                random.between(16, 60).to_string(),
                random.between(2, 40).to_string(),
                random.between(11, 45).to_string(),
            ];
            if number % 61 == 3 {
                // nobody described it
                about[..4].fill(String::new());
            }
            if number % 389 == 7 {
                // nobody weighed and measured it
                about[4..].fill(String::new());
            }
            let [category, name, text, photos, weight, length, height, width] = &about;
            files.row(
                PRODUCTS,
                [&id, category, name, text, photos, weight, length, height, width],
            )?;
            // the first sellers offer the most: the lower of two numbers
            let some = self.sellers.len() as u64;
            let seller = random.below(some).min(random.below(some)) as usize;
            self.products.push(Product { id, seller, cents, grams });
        }
        Ok(())
    }

    fn customer(&mut self) -> Customer {
        if !self.known_customers.is_empty() && self.random.per_mille(40) {
            let known = self.random.below(self.known_customers.len() as u64) as usize;
            let Customer { unique_id, zip, city } = &self.known_customers[known];
            let back = Customer { unique_id: unique_id.clone(), zip: *zip, city };
            if !self.random.per_mille(100) {
                return back;
            }
            // moved house
            let Place { city, zip } = self.place();
            return Customer { city, zip, ..back };
        }
        let Place { city, zip } = self.place();
        let fresh = Customer { unique_id: self.random.id(), zip, city };
        if self.known_customers.len() >= 1000 {
            let gone = self.random.below(1000) as usize;
            self.known_customers.swap_remove(gone);
        }
        self.known_customers.push(Customer { unique_id: fresh.unique_id.clone(), zip, city });
        fresh
    }

    /// One order with everything that belongs to it.
    fn order(&mut self, number: u64, files: &mut Files) -> Result<()> {
        let customer = self.customer();
        let customer_id = self.random.id();
        let Customer { unique_id, zip, city } = &customer;
        files.row(CUSTOMERS, [&customer_id, unique_id, &zip_code(*zip), city.name, city.state])?;

        let first = self.random.below(self.products.len() as u64) as usize;
        let seller = &self.sellers[self.products[first].seller];
        let (slow, shoddy, far) = (seller.slow, seller.shoddy, seller.state != city.state);
        let order = Order::new(number, far, slow, &mut self.random);
        files.row(
            ORDERS,
            [
                &order.id,
                &customer_id,
                order.status,
                &timestamp(Some(order.purchased)),
                &timestamp(order.approved),
                &timestamp(order.shipped),
                &timestamp(order.delivered),
                &timestamp(Some(order.estimated)),
            ],
        )?;

        // what could not be had, or was canceled early, has no items; but it was paid for
        let without_items = order.status == "unavailable"
            || order.status == "canceled" && order.shipped.is_none() && self.random.per_mille(600);
        let owed =
            if without_items { None } else { Some(self.items(&order, first, city.state, files)?) };
        let value = match owed {
            Some(owed) => self.paid(number, owed),
            None => self.random.between(1500, 40_000),
        };
        // a single order that nobody paid for, as in the real data
        if number % 9973 != 123 {
            self.payments(&order, number, owed.is_none(), value, files)?;
        }
        self.reviews(&order, number, shoddy, files)
    }

    /// Gives what they cost, with freight.
    fn items(
        &mut self,
        order: &Order,
        first: usize,
        state: &str,
        files: &mut Files,
    ) -> Result<i64> {
        let random = &mut self.random;
        let count = match random.below(100) {
            0..=87 => 1,
            88..=95 => 2,
            96..=97 => 3,
            98 => 4,
            _ => random.between(5, 8),
        };
        // several items are mostly several pieces of one product
        let mut product = &self.products[first];
        let mut total = 0;
        for item in 1..=count {
            if item > 1 && random.per_mille(300) {
                product = random.pick(&self.products);
            }
            let seller = &self.sellers[product.seller];
            let distance = if seller.state == state { 0 } else { random.between(400, 1600) };
            let freight = match random.below(200) {
                0 => 0,
                _ => 740 + product.grams * 6 / 100 + distance + random.between(0, 300),
            };
            let limit = order.approved.unwrap_or(order.purchased) + random.between(4, 7) * DAY;
            files.row(
                ITEMS,
                [
                    &order.id,
                    &item.to_string(),
                    &product.id,
                    &seller.id,
                    &timestamp(Some(limit)),
                    &money(product.cents),
                    &money(freight),
                ],
            )?;
            total += product.cents + freight;
        }
        Ok(total)
    }

    /// What was paid for what was owed: now and then a voucher or a fee makes a difference.
    fn paid(&mut self, number: u64, owed: i64) -> i64 {
        match number {
            n if n % 181 == 17 => owed + self.random.between(2, 2500),
            n if n % 397 == 60 => owed - self.random.between(2, 400),
            // rounding, which is not an error
            n if n % 211 == 5 => owed + 1,
            _ => owed,
        }
    }

    fn payments(
        &mut self,
        order: &Order,
        number: u64,
        without_items: bool,
        value: i64,
        files: &mut Files,
    ) -> Result<()> {
        let random = &mut self.random;
        let mut parts: Vec<(&str, i64, i64)> = Vec::new();
        match random.below(1000) {
            _ if without_items && order.status == "canceled" && number.is_multiple_of(3) => {
                parts.push(("not_defined", 1, 0));
            }
            0..=739 => {
                let often = [1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 10, 12];
                parts.push(("credit_card", *random.pick(&often), value));
            }
            740..=929 => parts.push(("boleto", 1, value)),
            930..=944 => parts.push(("debit_card", 1, value)),
            // vouchers, the rest by card
            _ => {
                let mut left = value;
                for _ in 0..random.between(1, 4) {
                    let voucher = left * random.between(10, 40) / 100;
                    parts.push(("voucher", 1, voucher));
                    left -= voucher;
                }
                parts.push((
                    if random.per_mille(500) { "credit_card" } else { "voucher" },
                    1,
                    left,
                ));
            }
        }
        for (at, (kind, installments, cents)) in parts.iter().enumerate() {
            files.row(
                PAYMENTS,
                [&order.id, &(at + 1).to_string(), kind, &installments.to_string(), &money(*cents)],
            )?;
        }
        Ok(())
    }

    fn reviews(
        &mut self,
        order: &Order,
        number: u64,
        shoddy: bool,
        files: &mut Files,
    ) -> Result<()> {
        if number % 131 == 5 {
            return Ok(()); // nobody answered
        }
        if number % 113 == 60 && self.last_review.is_some() {
            // filed together with the order before, under one id
        } else {
            self.last_review = Some(self.review(order, shoddy));
        }
        let mut times = 1;
        if number % 83 == 10 {
            times = 2; // they thought better of it
        }
        for time in 0..times {
            if time > 0 {
                self.last_review = Some(self.review(order, shoddy));
            }
            let Some(review) = &self.last_review else { continue };
            files.row(
                REVIEWS,
                [
                    &review.id,
                    &order.id,
                    &review.score.to_string(),
                    &review.title,
                    &review.message,
                    &timestamp(Some(review.created)),
                    &timestamp(Some(review.answered)),
                ],
            )?;
        }
        Ok(())
    }

    fn review(&mut self, order: &Order, shoddy: bool) -> Review {
        let random = &mut self.random;
        let late = order.delivered.is_some_and(|at| at > order.estimated);
        let content = order.delivered.is_some() && !late && !shoddy;
        let weights: [(i64, u64); 5] = if content {
            [(5, 62), (4, 22), (3, 8), (2, 2), (1, 6)]
        } else {
            [(5, 12), (4, 10), (3, 12), (2, 16), (1, 50)]
        };
        let score = random.weighted(&weights, |(_, weight)| *weight).0;
        let (titles, sentences) = match score {
            4..=5 => (&GOOD_TITLES, &GOOD_SENTENCES),
            _ => (&BAD_TITLES, &BAD_SENTENCES),
        };
        let title =
            if random.per_mille(120) { (*random.pick(titles)).to_owned() } else { String::new() };
        let mut message = String::new();
        if random.per_mille(410) {
            message.push_str(random.pick::<&str>(sentences));
            for _ in 0..random.below(3) {
                // line breaks come from Windows and from elsewhere
                message.push_str(random.pick::<&str>(&[" ", " ", " ", "\r\n", "\n", "\n\n"]));
                message.push_str(random.pick::<&str>(sentences));
            }
        }
        // people are asked on the day after the delivery, or when it should have been
        let asked = order.delivered.unwrap_or(order.estimated);
        let created = (asked.div_euclid(DAY) + 1) * DAY;
        let answered = created + random.between(3600, 5 * DAY);
        Review { id: random.id(), score, title, message, created, answered }
    }

    fn geolocation(&mut self, files: &mut Files) -> Result<()> {
        let random = &mut self.random;
        for (at, (zip, city)) in self.places.iter().enumerate() {
            if at % 97 == 40 {
                continue; // a zip code that nobody has located
            }
            for point in 0..random.between(2, 6) {
                // a few points of Brazil lie in Portugal
                let (latitude, longitude) = if at % 151 == 20 && point == 0 {
                    (41_146_000, -8_611_000)
                } else {
                    (city.latitude, city.longitude)
                };
                let latitude = degrees(latitude + random.between(-40_000, 40_000), random);
                let longitude = degrees(longitude + random.between(-40_000, 40_000), random);
                let name = if random.per_mille(200) { city.accented } else { city.name };
                let row = [&zip_code(*zip), &latitude, &longitude, name, city.state];
                files.row(GEOLOCATION, row)?;
                if random.per_mille(120) {
                    files.row(GEOLOCATION, row)?; // twice the same
                }
            }
        }
        Ok(())
    }
}
