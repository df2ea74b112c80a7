//! JSON values out of a database, without loss.

use serde_json::{Number, Value};

/// The value of a JSON text; `None` where it does not parse, or holds a number that would not
/// keep its digits (`1.10`, more than 19 digits): the text has to stand for itself then.
pub(super) fn exact_json(text: &str) -> Option<Value> {
    let value = serde_json::from_str(text).ok()?;
    numbers_survive(text).then_some(value)
}

fn numbers_survive(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let start = at;
                while at < bytes.len()
                    && matches!(bytes[at], b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
                {
                    at += 1;
                }
                let token = &text[start..at];
                let kept = serde_json::from_str::<Number>(token)
                    .is_ok_and(|number| number.to_string() == token);
                if !kept {
                    return false;
                }
            }
            _ => at += 1,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::exact_json;

    #[test]
    fn numbers_keep_their_digits_or_stay_text() {
        assert!(exact_json(r#"{"a": [1, 2.5, -7], "b\"1.10": null}"#).is_some());
        assert!(exact_json("1.10").is_none());
        assert!(exact_json("123456789012345678901234567890").is_none());
    }
}
