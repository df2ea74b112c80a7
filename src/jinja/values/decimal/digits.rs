//! The digits of a decimal and what is calculated with them, by the rules of Python's default
//! context.

use std::cmp::Ordering;

use minijinja::Error;
use num_bigint::BigUint;

use super::super::args::error;
use super::{Decimal, MAX_EXPONENT};

/// Digits of a result, as in Python's default context.
const PRECISION: usize = 28;

/// `digits × 10^exponent`, with a sign that zero has, too.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::jinja::values) struct Finite {
    pub(super) negative: bool,
    pub(super) digits: BigUint,
    pub(super) exponent: i64,
}

pub(super) fn power_of_ten(exponent: i64) -> BigUint {
    BigUint::from(10u8).pow(u32::try_from(exponent).unwrap_or(0))
}

/// How many digits a number has; zero has one.
pub(super) fn length(digits: &BigUint) -> usize {
    match u128::try_from(digits) {
        Ok(small) => small.checked_ilog10().map_or(1, |log| log as usize + 1),
        Err(_) => digits.to_string().len(),
    }
}

fn is_odd(digits: &BigUint) -> bool {
    digits.bit(0)
}

/// `digits / 10^places`, halves to the even neighbour.
fn rounded(digits: &BigUint, places: i64) -> BigUint {
    let unit = power_of_ten(places);
    let (quotient, rest) = (digits / &unit, digits % &unit);
    let up = match (rest * 2u8).cmp(&unit) {
        Ordering::Less => false,
        Ordering::Equal => is_odd(&quotient),
        Ordering::Greater => true,
    };
    if up { quotient + 1u8 } else { quotient }
}

impl Finite {
    pub(super) fn new(negative: bool, digits: BigUint, exponent: i64) -> Self {
        Finite { negative, digits, exponent }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.digits == BigUint::ZERO
    }

    /// The exponent of the first digit.
    pub(super) fn adjusted(&self) -> i64 {
        self.exponent + i64::try_from(length(&self.digits)).unwrap_or(i64::MAX) - 1
    }

    /// The digits under an exponent that is not above the own one.
    fn digits_at(&self, exponent: i64) -> BigUint {
        if exponent == self.exponent {
            return self.digits.clone();
        }
        &self.digits * power_of_ten(self.exponent - exponent)
    }

    /// Under another exponent, rounded where digits are lost.
    pub(super) fn rescaled(&self, exponent: i64) -> Self {
        let digits = if exponent <= self.exponent {
            self.digits_at(exponent)
        } else if exponent - self.exponent > i64::try_from(length(&self.digits)).unwrap_or(0) {
            BigUint::ZERO
        } else {
            rounded(&self.digits, exponent - self.exponent)
        };
        Finite::new(self.negative, digits, exponent)
    }

    /// With so many digits, rounded or filled up with zeros.
    pub(super) fn to_digits(&self, digits: usize) -> Self {
        let own = i64::try_from(length(&self.digits)).unwrap_or(i64::MAX);
        let digits = i64::try_from(digits).unwrap_or(i64::MAX);
        let number = self.rescaled(self.exponent + own - digits);
        // 9.99 has become 10.0.
        let more = i64::try_from(length(&number.digits)).unwrap_or(i64::MAX) - digits;
        if more > 0 { number.rescaled(number.exponent + more) } else { number }
    }

    /// Rounded to the context's precision.
    pub(super) fn fixed(self) -> Result<Decimal, Error> {
        let extra = length(&self.digits).saturating_sub(PRECISION);
        let mut number = match i64::try_from(extra) {
            Ok(extra) if extra > 0 => self.rescaled(self.exponent + extra),
            _ => self,
        };
        // 9.99… may have become 10.0….
        if length(&number.digits) > PRECISION {
            number = number.rescaled(number.exponent + 1);
        }
        if number.adjusted() > MAX_EXPONENT && !number.is_zero() {
            return Err(error("[<class 'decimal.Overflow'>]"));
        }
        if number.exponent < -MAX_EXPONENT {
            number = number.rescaled(-MAX_EXPONENT);
        }
        Ok(Decimal::Finite(number))
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        let (a, b) = (self.digits_at(exponent), other.digits_at(exponent));
        if self.negative == other.negative {
            return Finite::new(self.negative, a + b, exponent);
        }
        match a.cmp(&b) {
            Ordering::Less => Finite::new(other.negative, b - a, exponent),
            Ordering::Equal => Finite::new(false, BigUint::ZERO, exponent),
            Ordering::Greater => Finite::new(self.negative, a - b, exponent),
        }
    }

    pub(super) fn negated(&self) -> Self {
        Finite::new(!self.negative, self.digits.clone(), self.exponent)
    }

    pub(super) fn times(&self, other: &Self) -> Self {
        let negative = self.negative != other.negative;
        Finite::new(negative, &self.digits * &other.digits, self.exponent + other.exponent)
    }

    /// A quotient of one digit more than the context keeps, so that rounding it is right.
    pub(super) fn over(&self, other: &Self) -> Self {
        let negative = self.negative != other.negative;
        let ideal = self.exponent - other.exponent;
        if self.is_zero() {
            return Finite::new(negative, BigUint::ZERO, ideal);
        }
        let (a, b) = (length(&self.digits), length(&other.digits));
        let shift = i64::try_from(b + PRECISION + 1).unwrap_or(0) - i64::try_from(a).unwrap_or(0);
        let (numerator, denominator) = if shift >= 0 {
            (&self.digits * power_of_ten(shift), other.digits.clone())
        } else {
            (self.digits.clone(), &other.digits * power_of_ten(-shift))
        };
        let mut digits = &numerator / &denominator;
        let mut exponent = ideal - shift;
        if &digits * &denominator != numerator {
            if (&digits % 5u8) == BigUint::ZERO {
                digits += 1u8;
            }
        } else {
            while exponent < ideal && (&digits % 10u8) == BigUint::ZERO {
                digits /= 10u8;
                exponent += 1;
            }
        }
        Finite::new(negative, digits, exponent)
    }

    /// The whole quotient, cut towards zero, and what is left, with the sign of the dividend.
    pub(super) fn divided(&self, other: &Self) -> Result<(Self, Self), Error> {
        let exponent = self.exponent.min(other.exponent);
        let (a, b) = (self.digits_at(exponent), other.digits_at(exponent));
        let quotient = &a / &b;
        if length(&quotient) > PRECISION {
            return Err(error("[<class 'decimal.DivisionImpossible'>]"));
        }
        let rest = a - &quotient * b;
        let negative = self.negative != other.negative;
        Ok((Finite::new(negative, quotient, 0), Finite::new(self.negative, rest, exponent)))
    }

    /// Only whole powers; `None` for others.
    pub(super) fn power(&self, other: &Self) -> Option<Result<Self, Error>> {
        let power = Decimal::Finite(other.clone()).to_i128().filter(|_| other.is_integral())?;
        let times = u32::try_from(power.unsigned_abs()).ok().filter(|times| *times <= 100_000)?;
        let negative = self.negative && times % 2 == 1;
        let exponent = self.exponent * i64::from(times);
        let raised = Finite::new(negative, self.digits.pow(times), exponent);
        if power >= 0 {
            return Some(Ok(raised));
        }
        if raised.is_zero() {
            return Some(Err(error("[<class 'decimal.DivisionByZero'>]")));
        }
        Some(Ok(Finite::new(false, 1u8.into(), 0).over(&raised)))
    }

    fn is_integral(&self) -> bool {
        self.exponent >= 0 || self.rescaled(0).compare(self) == Ordering::Equal
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.is_zero(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let (a, b) = (sign(self), sign(other));
        if a != b || a == 0 {
            return a.cmp(&b);
        }
        let sizes = self.adjusted().cmp(&other.adjusted()).then_with(|| {
            let exponent = self.exponent.min(other.exponent);
            self.digits_at(exponent).cmp(&other.digits_at(exponent))
        });
        if a < 0 { sizes.reverse() } else { sizes }
    }
}
