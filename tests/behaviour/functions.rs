//! User-defined functions: made by `build` before what calls them, found by `function()`, listed,
//! and held to the rules of their arguments.

use super::support::project::{On, Project};

const PROPERTIES: &str = "functions:
  - name: price_for_xlarge
    description: The price of the large one
    config: {volatility: deterministic}
    arguments:
      - {name: price, data_type: double precision, description: Of the standard one}
      - {name: factor, data_type: int, default_value: 2}
    returns: {data_type: double precision}
";

#[test]
fn build_makes_functions_before_what_calls_them() {
    let files = [
        ("functions/price_for_xlarge.sql", "select price * factor"),
        ("functions/properties.yml", PROPERTIES),
        (
            "models/prices.sql",
            "{{ config(materialized='table') }}
             select cast({{ function('price_for_xlarge') }}(10) as int) as large,
                    cast({{ function('shop', 'price_for_xlarge') }}(10, 3) as int) as larger",
        ),
    ];
    for project in Project::on_each(&files) {
        project.ok(&["build"]);
        assert_eq!(project.lines("select large, larger from prices"), ["20|30"]);
        // Another body takes its place, and models are built without it being made again.
        project.file("functions/price_for_xlarge.sql", "select price * factor + 1");
        project.ok(&["build", "--resource-type", "function"]);
        project.ok(&["run", "--select", "prices"]);
        assert_eq!(project.lines("select large, larger from prices"), ["21|31"]);

        let listed = project.ok(&["ls", "--select", "+prices"]).stdout;
        assert_eq!(listed, "shop.price_for_xlarge\nshop.prices\n");
        let manifest = project.json("target/manifest.json");
        let function = &manifest["functions"]["function.shop.price_for_xlarge"];
        assert_eq!(function["config"]["type"], "scalar");
        assert_eq!(function["config"]["volatility"], "deterministic");
        assert_eq!(function["arguments"][1]["default_value"], 2);
        assert_eq!(function["returns"]["data_type"], "double precision");
        let model = &manifest["nodes"]["model.shop.prices"];
        assert_eq!(model["functions"][1][1], "price_for_xlarge");
        assert_eq!(model["depends_on"]["nodes"][0], "function.shop.price_for_xlarge");
    }
}

#[test]
fn arguments_with_defaults_come_last() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("functions/add.sql", "select a + b"),
            (
                "functions/add.yml",
                "functions: [{name: add, returns: {data_type: int}, arguments: [
                   {name: a, data_type: int, default_value: 1}, {name: b, data_type: int}]}]",
            ),
        ],
    );
    let failed = project.fails(2, &["parse"]);
    let wanted = "Non-defaulted argument 'b' of function 'add' comes after a defaulted argument";
    assert!(failed.stderr.contains(wanted), "{}", failed.stderr);
}
