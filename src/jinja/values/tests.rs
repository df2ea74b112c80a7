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
    let decimals = include_str!("decimals.txt").lines().filter_map(|line| {
        let (name, digits) = line.split_once('=')?;
        Some((name, cells::value(&crate::relation::Cell::Decimal(digits.into()))))
    });
    env.add_global("d", Dict::value(decimals));
    for number in [1, 2, 7] {
        env.add_global(format!("x{number}"), number);
    }
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
        let source = crate::jinja::rewrite::rewrite(&source).unwrap().text;
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

fn table() -> Value {
    use crate::relation::{Cell, Column, ResultSet};
    let column = |name: &str, kind: &str| Column { name: name.into(), data_type: kind.into() };
    let row = |id, name: Cell, total: &str, day: &str| {
        vec![Cell::Int(id), name, Cell::Decimal(total.into()), Cell::Date(day.into())]
    };
    Table::value(&ResultSet {
        columns: vec![
            column("id", "BIGINT"),
            column("name", "VARCHAR"),
            column("total", "DECIMAL(18,2)"),
            column("day", "DATE"),
        ],
        rows: vec![
            row(2, Cell::Text("Bo".into()), "1234.50", "2024-01-02"),
            row(1, Cell::Null, "7.25", "2024-02-29"),
        ],
    })
}

#[test]
fn tables_answer_as_agate_does() {
    let mut env = environment();
    env.add_global("t", table());
    env.add_global("empty", Table::empty());
    for (template, expected) in [
        ("{{ t.columns[0].values() }} {{ t.columns['name'].values() }}", "(2, 1) ('Bo', None)"),
        ("{{ t.columns[0].name }} {{ t.columns.name.name }} {{ t.columns|length }}", "id name 4"),
        (
            "{{ t.column_names }} {{ t.columns.keys() }}",
            "('id', 'name', 'total', 'day') ('id', 'name', 'total', 'day')",
        ),
        (
            "{% for r in t.rows %}{{ r.id }}{{ r['name'] }}{{ r[0] }}{{ r.day }};{% endfor %}",
            "2Bo22024-01-02;1None12024-02-29;",
        ),
        (
            "{{ t }}",
            "\
| column | data_type |
| ------ | --------- |
| id     | Integer   |
| name   | Text      |
| total  | Number    |
| day    | Date      |
",
        ),
        (
            "{% set total = t.rows[0].total %}{{ '{:e} {:.1e} {:g} {:.2g} {:E}'.format(total, total, total, total, total) }}",
            "1.23450e+3 1.2e+3 1234.50 1.2e+3 1.23450E+3",
        ),
        (
            "{% set whole = (t.rows[0].total * 2) %}{{ {2469: 'a'}[whole] }} {{ {2469: 'a'}.get(whole) }} {{ whole in {2469: 1} }} {{ {whole: 'b'}[2469] }}",
            "a a True b",
        ),
        (
            "{% set g = t.group_by('name') %}{{ g.keys() }} {{ g['Bo'].rows|length }} {% for k, u in g.items() %}{{ k }}{{ u.column_names|length }}{% endfor %}",
            "('Bo', None) 1 Bo4None4",
        ),
        (
            "{% set j = t.join(t.select(['id', 'name']), 'id') %}{{ j.column_names }} {{ j.rows[0].values()[-1] }} {{ t.join(t.limit(1), 'id', inner=true).rows|length }}",
            "('id', 'name', 'total', 'day', 'name2') Bo 1",
        ),
        (
            "{% set m = t.merge([t, t.select('id')]) %}{{ m.rows|length }} {{ m.rows[3].values() }}",
            "4 (1, None, None, None)",
        ),
        ("{{ t.rows[0].values() }}", "(2, 'Bo', Decimal('1234.50'), datetime.date(2024, 1, 2))"),
        (
            "{{ t.rows[-1].dict().total }} {{ t.rows[0].get('nope', 'x') }} {{ t.rows[0]|length }}",
            "7.25 x 4",
        ),
        (
            "{{ t.rows|length }} {{ t|length }} {{ 'y' if empty else 'n' }} {{ empty.rows|length }} {{ empty.columns|length }}",
            "2 2 n 0 0",
        ),
        (
            "{{ (t.order_by('id')).columns[0].values() }} {{ t.limit(1).rows|length }} {{ t.select(['day', 'id']).column_names }} {{ t.exclude('id').column_names }}",
            "(1, 2) 1 ('day', 'id') ('name', 'total', 'day')",
        ),
        (
            "{{ t.rename(column_names={'id': 'key'}).rows[0].key }} {{ t.columns.total.values()|sum }} {{ t.rows[0].total > 1000 }}",
            "2 1241.75 True",
        ),
        (
            "{% for c in t.columns %}{{ c.name }},{% endfor %}{{ t.rows[0].day.strftime('%d.%m.%Y') }} {{ t.columns[1].values_without_nulls() }}",
            "id,name,total,day,02.01.2024 ('Bo',)",
        ),
        (
            "{% for id, name, total, day in t.rows %}{{ id }}{{ day.year }} {% endfor %}{{ t.rows|map(attribute='id')|list }} {{ t.rows[0] }}",
            "22024 12024 [2, 1] <agate.Row: (2, 'Bo', Decimal('1234.50'), datetime.date(2024, 1, 2))>",
        ),
    ] {
        let source = crate::jinja::rewrite::rewrite(template).unwrap().text;
        assert_eq!(env.render_str(&source, ()).unwrap(), expected, "{template}");
    }
}

#[test]
fn tables_print_as_agate_does() {
    let expected = "\
| id | name |    total |        day |
| -- | ---- | -------- | ---------- |
|  2 | Bo   | 1,234.50 | 2024-01-02 |
|  1 |      |     7.25 | 2024-02-29 |
";
    let table = table();
    let table = table.downcast_object_ref::<Table>().unwrap();
    assert_eq!(table.to_text(20, 6, 20), expected);
    assert_eq!(
        table.to_text(1, 1, 20),
        "| id | ... |\n| -- | --- |\n|  2 | ... |\n| ... | ... |\n"
    );
}

#[test]
fn json_goes_round() {
    let json = serde_json::json!({"a": [1, -2.5, null, true, "x"], "b": {"c": []}});
    assert_eq!(to_json(&from_json(&json)).unwrap(), json);
    assert!(to_json(&Value::from(f64::NAN)).is_err());
}

#[test]
fn lists_that_hold_themselves_print() {
    let list = List::value(vec![Value::from(1)]);
    list.downcast_object_ref::<List>().unwrap().push(list.clone());
    assert!(py_str(&list).contains("..."));
}
