//! Unit tests: rows in place of what a model reads, held against those that should come out.

use super::support::project::{On, Project};

const ORDERS: &str = "id,amount,placed\n1,10.50,2024-01-01\n2,3.25,2024-01-02\n";

const TOTALS: &str = "{{ config(materialized='incremental') }}
select placed, cast(sum(amount) as decimal(10, 2)) as total, '{{ var('currency', 'eur') }}' as currency
from {{ ref('orders') }}
{% if is_incremental() %} where placed > (select max(placed) from {{ this }}) {% endif %}
group by placed";

fn with(tests: &str) -> [Project; 2] {
    let model = "select id from {{ ref('totals') }} join {{ ref('orders') }} using (placed)";
    Project::on_each(&[
        ("seeds/orders.csv", ORDERS),
        ("models/totals.sql", TOTALS),
        ("models/below.sql", model),
        ("models/tests.yml", &format!("unit_tests:\n{tests}")),
        ("tests/fixtures/days.csv", "placed,total\n2024-05-01,7.00\n"),
        (
            "tests/fixtures/orders_sql.sql",
            "select 1 as id, 7.0 as amount, date '2024-05-01' as placed",
        ),
    ])
}

const GOOD: &str = "
  - name: adds_up
    model: totals
    overrides: {macros: {is_incremental: false}, vars: {currency: usd}}
    given:
      - input: ref('orders')
        rows:
          - {id: 1, amount: 2.5, placed: 2024-05-01}
          - {AMOUNT: 4.5, placed: 2024-05-01}
    expect:
      rows:
        - {placed: 2024-05-01, total: 7, currency: usd}
  - name: only_newer
    model: totals
    overrides: {macros: {is_incremental: true}}
    given:
      - input: ref('orders')
        format: csv
        rows: |
          amount,placed
          1,2024-05-01
          2,2024-05-02
      - input: this
        format: csv
        fixture: days
    expect:
      format: sql
      rows: select date '2024-05-02' as placed, 2.00 as total, 'eur' as currency
  - name: from_a_file
    model: totals
    config: {tags: nightly}
    overrides: {macros: {is_incremental: false}}
    given:
      - input: ref('orders')
        format: sql
        fixture: orders_sql
    expect: {format: csv, fixture: days}
";

#[test]
fn rows_take_any_form_and_names_can_be_overridden() {
    for project in with(GOOD) {
        // `this` is a table by then, which tells the types of its rows.
        project.ok(&["seed"]);
        project.ok(&["run", "--select", "totals"]);
        project.ok(&["test"]);
        for name in ["adds_up", "only_newer", "from_a_file"] {
            let test = format!("unit_test.shop.totals.{name}");
            let json = project.json("target/manifest.json");
            assert_eq!(json["unit_tests"][&test]["depends_on"]["nodes"][0], "model.shop.totals");
            assert!(json["nodes"][&test].is_null());
        }
        let listed = project.ok(&["ls", "--select", "tag:nightly"]).stdout;
        assert_eq!(listed.trim(), "unit_test:shop.from_a_file");
        for (selector, count) in [("test_type:unit", 3), ("unit_test:adds*", 1), ("totals", 4)] {
            let listed = project.ok(&["ls", "--select", selector]).stdout;
            assert_eq!(listed.trim().lines().count(), count, "{selector}");
        }
        assert_eq!(project.lines("select count(*) from totals"), ["2"]);
    }
}

const WRONG: &str = "
  - name: wrong
    model: totals
    overrides: {macros: {is_incremental: false}}
    given:
      - input: ref('orders')
        rows:
          - {amount: 1, placed: 2024-05-01}
          - {amount: 2, placed: 2024-05-02}
    expect:
      rows:
        - {placed: 2024-05-01, total: 1}
        - {placed: 2024-05-02, total: 3}
";

#[test]
fn a_failing_unit_test_shows_the_difference_and_keeps_its_model_from_being_built() {
    for project in with(WRONG) {
        let ran = project.fails(1, &["build"]);
        let shown = ran.text();
        assert!(shown.contains("actual differs from expected"), "{shown}");
        assert!(shown.contains("→ ,2024-05-02,3.00→2.00"), "{shown}");
        let code = "target/compiled/shop/models/tests.yml/models/wrong.sql";
        assert!(shown.contains(code) && project.read(code).contains("__dbt__cte__orders"));
        let results = project.json("target/run_results.json")["results"].clone();
        let ends: Vec<String> = results
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                format!(
                    "{} {}",
                    one["unique_id"].as_str().unwrap(),
                    one["status"].as_str().unwrap()
                )
            })
            .collect();
        let expected = [
            "seed.shop.orders success",
            "unit_test.shop.totals.wrong fail",
            "model.shop.totals skipped",
            "model.shop.below skipped",
        ];
        assert_eq!(ends, expected);
    }
}

/// As in dbt, whose `build` runs the unit tests of a model one after another right before it.
#[test]
fn after_a_failing_unit_test_the_others_of_its_model_are_skipped() {
    let test = |model: &str, name: &str, id: u8| {
        format!(
            "  - {{name: {name}, model: {model}, given: [{{input: ref('s'), rows: [{{id: 1}}]}}], \
             expect: {{rows: [{{id: {id}}}]}}}}\n"
        )
    };
    let tests = [("z", "z1", 1), ("z", "z2", 2), ("z", "z3", 3), ("b", "b1", 1), ("b", "b2", 1)];
    let tests: String = tests.map(|(model, name, id)| test(model, name, id)).concat();
    for project in Project::on_each(&[
        ("models/s.sql", "select 1 as id"),
        ("models/z.sql", "select id from {{ ref('s') }}"),
        ("models/b.sql", "select id from {{ ref('s') }}"),
        ("models/c.sql", "select 1 as id"),
        ("models/tests.yml", &format!("unit_tests:\n{tests}")),
    ]) {
        let ends = || {
            let results = project.json("target/run_results.json")["results"].clone();
            let one = |one: &serde_json::Value| {
                let id = one["unique_id"].as_str().unwrap();
                let name = id.rsplit('.').next().unwrap();
                format!("{name} {}", one["status"].as_str().unwrap())
            };
            results.as_array().unwrap().iter().map(one).collect::<Vec<String>>()
        };
        project.fails(1, &["build", "--threads", "1"]);
        let expected = [
            "c success",
            "s success",
            "b1 pass",
            "b2 pass",
            "b success",
            "z1 pass",
            "z2 fail",
            "z3 skipped",
            "z skipped",
        ];
        assert_eq!(ends(), expected);
        // Without its model `build` runs none; `test` runs all of them.
        project.ok(&["build", "--select", "test_type:unit"]);
        assert!(ends().is_empty());
        project.fails(1, &["test"]);
        assert!(ends().contains(&"z3 fail".to_owned()));
    }
}

#[test]
fn what_a_unit_test_lacks_is_said() {
    let test = |given: &str, more: &str| {
        format!(
            "\n  - name: t\n    model: totals\n{more}    given: [{given}]\n    expect: {{rows: []}}\n"
        )
    };
    let overridden = "    overrides: {macros: {is_incremental: false}}\n";
    for (given, more, message) in [
        ("{input: ref('orders'), rows: []}", "", "Boolean override for 'is_incremental'"),
        ("{input: ref('nothing'), rows: []}", overridden, "which was not found in the manifest"),
        ("", overridden, "depends on a node named 'orders' which was not found"),
        ("{input: ref('orders'), rows: [{nix: 1}]}", overridden, "Invalid column name: 'nix'"),
        (
            "{input: ref('orders'), format: csv, fixture: gone}",
            overridden,
            "File not found for fixture",
        ),
    ] {
        let [project, _] = with(&test(given, more));
        let seeded = project.run(&["seed"]);
        let ran = project.run(&["test"]);
        assert_ne!(ran.code, 0, "{message}");
        let text = format!("{}{}", seeded.text(), ran.text());
        assert!(text.contains(message), "{message}\n{text}");
    }
}

/// The table that a unit test makes for a moment has its name, which PostgreSQL would cut off.
#[test]
fn a_unit_test_has_a_name_of_63_characters_at_most_on_postgres() {
    let named = |length: usize| {
        let name = "a".repeat(length);
        format!(
            "unit_tests:\n  - name: {name}\n    model: m\n    given: []\n    expect: {{rows: [{{a: 1}}]}}\n"
        )
    };
    let project = Project::new(On::Postgres, &[("models/m.sql", "select 1 as a")]);
    project.file("models/tests.yml", &named(63));
    project.ok(&["build"]);
    project.file("models/tests.yml", &named(64));
    let said = project.fails(1, &["test"]).text();
    assert!(said.contains("is longer than 63 characters"), "{said}");
}
