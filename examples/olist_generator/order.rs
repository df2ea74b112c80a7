//! The course of an order: when it was bought, paid, shipped and delivered, and what went wrong.

use crate::files::DAY;
use crate::random::Random;

/// The steps of an order. What did not happen is none.
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) status: &'static str,
    pub(crate) purchased: i64,
    pub(crate) approved: Option<i64>,
    pub(crate) shipped: Option<i64>,
    pub(crate) delivered: Option<i64>,
    pub(crate) estimated: i64,
}

/// 2016-10-01 and 2018-08-31, the first and the last day of a purchase.
pub(crate) const FIRST_DAY: i64 = 17_075;
pub(crate) const LAST_DAY: i64 = 17_774;

/// How often an order stands where, out of 1000.
pub(crate) const STATUSES: [(&str, u64); 8] = [
    ("delivered", 925),
    ("shipped", 22),
    ("canceled", 18),
    ("unavailable", 14),
    ("invoiced", 8),
    ("processing", 8),
    ("created", 3),
    ("approved", 2),
];

impl Order {
    /// The number of the order decides which dirt it gets.
    pub(crate) fn new(number: u64, far: bool, slow_seller: bool, random: &mut Random) -> Order {
        let status = random.weighted(&STATUSES, |(_, weight)| *weight).0;
        // the later of two days: the shop grows steadily
        let day = random.between(FIRST_DAY, LAST_DAY).max(random.between(FIRST_DAY, LAST_DAY));
        // few people buy at night
        let hour = if random.per_mille(900) { random.between(8, 23) } else { random.between(0, 7) };
        let purchased = day * DAY + hour * 3600 + random.between(0, 3599);
        let estimated = (day + random.between(12, 30) + if far { 8 } else { 0 }) * DAY;

        let wait = if random.per_mille(700) { 1800 } else { 2 * DAY };
        let mut approved = Some(purchased + random.between(300, wait));
        let handling = if slow_seller { random.between(4, 12) } else { random.between(1, 5) };
        let mut shipped = approved.map(|at| at + handling * DAY / 2 + random.between(0, DAY));
        let road = if far { random.between(6, 18) } else { random.between(1, 9) };
        let mut delivered = shipped.map(|at| at + road * DAY + random.between(0, DAY / 2));
        if random.per_mille(60) {
            // late by minutes or by weeks
            let behind = if random.per_mille(150) { DAY } else { 20 * DAY };
            delivered = Some(estimated + random.between(60, behind)).max(delivered);
        }

        match status {
            "delivered" => {}
            "shipped" => delivered = None,
            "created" => (approved, shipped, delivered) = (None, None, None),
            // given up before or after the payment; once in a while it was on its way, or even arrived
            "canceled" => match random.below(20) {
                0 => {}
                1..=2 => delivered = None,
                3..=12 => (shipped, delivered) = (None, None),
                _ => (approved, shipped, delivered) = (None, None, None),
            },
            _ => (shipped, delivered) = (None, None),
        }

        if status == "delivered" {
            match number {
                n if n % 499 == 90 => delivered = None,
                n if n % 997 == 41 => shipped = None,
                n if n % 701 == 33 => approved = None,
                // shipped before it was approved, before it was bought; delivered before it was shipped
                n if n % 89 == 31 => approved = shipped.map(|at| at + random.between(600, DAY)),
                n if n % 1499 == 77 => shipped = Some(purchased - random.between(3600, 3 * DAY)),
                n if n % 997 == 53 => {
                    delivered = shipped.map(|at| at - random.between(3600, 2 * DAY))
                }
                _ => {}
            }
        }
        Order { id: random.id(), status, purchased, approved, shipped, delivered, estimated }
    }
}
