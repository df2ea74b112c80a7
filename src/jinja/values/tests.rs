//! Every template of `cases.txt` against what real Jinja2 printed (see `cases.py`).

use minijinja::{Environment, Value};

use super::*;

fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    install(&mut env);
    let json: serde_json::Value = serde_json::json!({
        "nested": {"a": [{"b": 1}, {"b": 2}], "s": "x"},
        "people": [
            {"name": "Bo", "age": 3, "city": "X", "tags": ["p"]},
            {"name": "al", "age": 1, "city": "Y", "tags": []},
            {"name": "Cy", "age": 2, "city": "X"},
        ],
    });
    env.add_global("modules", modules());
    for (name, value) in json.as_object().unwrap() {
        env.add_global(name.clone(), from_json(value));
    }
    env
}

#[test]
fn templates_print_what_jinja2_prints() {
    let env = environment();
    let mut failures = Vec::new();
    let mut template = "";
    for line in include_str!("cases.txt").lines() {
        let Some(expected) = line.strip_prefix("=> ") else {
            template = line;
            continue;
        };
        let expected = expected.split(" # differs").next().unwrap();
        let source = template.replace("\\n", "\n");
        let actual = match env.render_str(&source, ()) {
            Ok(text) => serde_json::to_string(&text).unwrap(),
            Err(_) if expected == "error" => continue,
            Err(error) => format!("{error:#}"),
        };
        let same = match serde_json::from_str::<String>(expected) {
            Ok(expected) => serde_json::to_string(&expected).unwrap() == actual,
            Err(_) => false,
        };
        if !same {
            failures.push(format!("{template}\n  expected {expected}\n  got      {actual}"));
        }
    }
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn text_keys_hash_as_values_do() {
    let long = "k".repeat(40);
    let pairs = (0..100).map(|i| (Value::from(format!("{long}{i}")), Value::from(i)));
    let dict = Dict::from_iter(pairs);
    assert_eq!(dict.get_str(&format!("{long}42")), Some(Value::from(42)));
    assert_eq!(dict.get_str("nope"), None);
}
