//! Metrics, semantic models and saved queries are kept in the manifest, linked, for other tools.

use serde_json::json;

use super::support::project::{On, Project};

const SEMANTIC: &str = "
semantic_models:
  - name: orders
    model: ref('orders')
    config: {meta: {a: 1}}
    defaults: {agg_time_dimension: ds}
    entities: [{name: order, type: primary, expr: id}]
    dimensions: [{name: ds, type: time, type_params: {time_granularity: day}}]
    measures: [{name: total, agg: sum, expr: amount, create_metric: true}]
metrics:
  - {name: big, label: Big, type: simple, type_params: {measure: total}, filter: \"{{ Dimension('order__ds') }} > 1\"}
  - {name: share, label: Share, type: ratio, type_params: {numerator: big, denominator: total}}
saved_queries:
  - name: by_day
    query_params: {metrics: [share], group_by: [\"TimeDimension('order__ds')\"]}
    exports: [{name: e, config: {export_as: table, alias: x}}]
exposures:
  - {name: board, type: dashboard, owner: {name: me}, depends_on: [metric('share')]}
";

#[test]
fn semantic_layer_in_the_manifest() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/orders.sql", "select 1 as id, current_date as ds, 2 as amount"),
            ("models/days.sql", "select current_date as day"),
            ("models/semantic.yml", SEMANTIC),
        ],
    );
    // Without a time spine the semantic layer could not work.
    assert!(project.fails(2, &["parse"]).text().contains("time spine"));
    let spine = |column: &str| {
        format!(
            "models:\n  - name: days\n    time_spine: {{standard_granularity_column: {column}}}\n    \
             columns: [{{name: day, granularity: day}}, {{name: other}}]\n"
        )
    };
    project.file("models/days.yml", &spine("none"));
    assert!(project.fails(2, &["parse"]).text().contains("granularity column"));
    project.file("models/days.yml", &spine("other"));
    assert!(project.fails(2, &["parse"]).text().contains("granularity"));
    project.file("models/days.yml", &spine("day"));
    project.ok(&["build"]);
    let manifest = project.json("target/manifest.json");
    let ids = |key: &str| manifest[key].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(ids("metrics"), ["metric.shop.big", "metric.shop.share", "metric.shop.total"]);
    assert_eq!(ids("semantic_models"), ["semantic_model.shop.orders"]);
    assert_eq!(ids("saved_queries"), ["saved_query.shop.by_day"]);
    let parents = &manifest["parent_map"];
    assert_eq!(parents["metric.shop.big"], json!(["semantic_model.shop.orders"]));
    assert_eq!(parents["metric.shop.share"], json!(["metric.shop.big", "metric.shop.total"]));
    assert_eq!(parents["semantic_model.shop.orders"], json!(["model.shop.orders"]));
    assert_eq!(parents["saved_query.shop.by_day"], json!(["metric.shop.share"]));
    assert_eq!(parents["exposure.shop.board"], json!(["metric.shop.share"]));
    let share = &manifest["metrics"]["metric.shop.share"]["type_params"];
    assert_eq!(share["input_measures"].as_array().unwrap().len(), 1);
    assert_eq!(
        manifest["metrics"]["metric.shop.big"]["filter"],
        json!({"where_filters": [{"where_sql_template": "{{ Dimension('order__ds') }} > 1"}]})
    );
    let semantic = project.json("target/semantic_manifest.json");
    assert_eq!(semantic["semantic_models"][0]["node_relation"]["alias"], "orders");
    assert_eq!(
        semantic["project_configuration"]["time_spines"][0]["primary_column"],
        json!({"name": "day", "time_granularity": "day"})
    );
    let listed = project.ok(&["ls", "--quiet", "--select", "+saved_query:by_day"]);
    assert!(listed.stdout.contains("semantic_model:shop.orders"), "{}", listed.stdout);

    let text = SEMANTIC.replace("denominator: total", "denominator: none");
    project.file("models/semantic.yml", &text);
    assert!(project.fails(2, &["parse"]).text().contains("`none`"));

    // Where exports go is no change of a saved query; two measures of one name are one too many.
    project.file("models/semantic.yml", SEMANTIC);
    project.ok(&["parse", "--target-path", "old"]);
    let old = project
        .read("old/manifest.json")
        .replace("\"schema_name\":\"main\"", "\"schema_name\":\"x\"");
    project.file("old/manifest.json", &old);
    let listed = project.ok(&["ls", "--quiet", "--select", "state:modified", "--state", "old"]);
    assert_eq!(listed.stdout, "");
    let twice =
        SEMANTIC.replace("create_metric: true}", "create_metric: true}, {name: total, agg: max}");
    project.file("models/semantic.yml", &twice);
    let said = project.fails(2, &["--log-format", "json", "parse"]).text();
    assert!(said.contains("two measures named `total`"), "{said}");
    assert!(said.contains("SemanticValidationFailure"), "{said}");
}
