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

const METRICS: &str = r#"
models:
  - name: days
    time_spine: {standard_granularity_column: day}
    columns: [{name: day, granularity: day}]
semantic_models:
  - name: orders
    model: ref('orders')
    defaults: {agg_time_dimension: ds}
    entities: [{name: order_id, type: primary, expr: id}]
    dimensions: [{name: ds, type: time, type_params: {time_granularity: day}}]
    measures: [{name: total, agg: sum, expr: amount}]
metrics:
  - {name: big, label: Big, type: simple, type_params: {measure: total}, filter: "{{ Dimension('order_id__ds') }} > '2020-01-01'"}
  - {name: running, label: Running, type: cumulative, type_params: {measure: total, cumulative_type_params: {window: 3 days}}}
  - {name: share, label: Share, type: ratio, type_params: {numerator: {name: big, alias: part}, denominator: running}}
"#;

/// What dbt-core 1.11.16 prints of the same metrics.
const PRINTED: &str = "
big big shop Big
MetricType.SIMPLE False simple
MetricTypeParams(measure=MetricInputMeasure(name='total', filter=None, alias=None, join_to_timespine=False, fill_nulls_with=None), input_measures=[MetricInputMeasure(name='total', filter=None, alias=None, join_to_timespine=False, fill_nulls_with=None)], numerator=None, denominator=None, expr=None, window=None, grain_to_date=None, metrics=[], conversion_type_params=None, cumulative_type_params=None, metric_aggregation_params=None)
WhereFilterIntersection(where_filters=[WhereFilter(where_sql_template=\"{{ Dimension('order_id__ds') }} > '2020-01-01'\")])
MetricConfig(_extra={}, enabled=True, group=None, meta={})
DependsOn(macros=[], nodes=['semantic_model.shop.orders'])
['big'] ['big'] [] []

share share shop Share
MetricType.RATIO False ratio
MetricTypeParams(measure=None, input_measures=[MetricInputMeasure(name='total', filter=None, alias=None, join_to_timespine=False, fill_nulls_with=None)], numerator=MetricInput(name='big', filter=None, alias='part', offset_window=None, offset_to_grain=None), denominator=MetricInput(name='running', filter=None, alias=None, offset_window=None, offset_to_grain=None), expr=None, window=None, grain_to_date=None, metrics=[], conversion_type_params=None, cumulative_type_params=None, metric_aggregation_params=None)
None
MetricConfig(_extra={}, enabled=True, group=None, meta={})
DependsOn(macros=[], nodes=['metric.shop.big', 'metric.shop.running'])
['big', 'running', 'share'] ['big', 'running'] ['share'] [{'share': 1}]
";

#[test]
fn a_model_reads_metrics() {
    let below = "{% set all = [metric('big'), metric('shop', 'share')] %}
{{ config(meta={'names': all | map(attribute='metric_name') | list}) }}
{%- for m in all if execute %}
{{ m }} {{ m.metric_name }} {{ m.package_name }} {{ m.label }}
{{ m.type }} {{ m.type == 'simple' }} {{ m.type.value }}
{{ m.type_params }}
{{ m.filter }}
{{ m.config }}
{{ m.depends_on }}
{{ m.full_metric_dependency() | sort }} {{ m.base_metric_dependency() | sort }} {{ m.derived_metric_dependency() }} {{ m.derived_metric_dependency_depth() }}
{% endfor %}
";
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/orders.sql", "select 1 as id, current_date as ds, 2 as amount"),
            ("models/days.sql", "select current_date as day"),
            ("models/metrics.yml", METRICS),
            ("models/below.sql", below),
        ],
    );
    project.ok(&["compile"]);
    assert_eq!(project.read("target/compiled/shop/models/below.sql").trim(), PRINTED.trim());
    let node = &project.json("target/manifest.json")["nodes"]["model.shop.below"];
    assert_eq!(node["metrics"], json!([["big"], ["shop", "share"]]));
    assert_eq!(node["depends_on"]["nodes"], json!(["metric.shop.big", "metric.shop.share"]));
    assert_eq!(node["config"]["meta"]["names"], json!(["big", "share"]));
    // It runs, and is found below its metric.
    project.file("models/below.sql", "-- {{ metric('share') }}\nselect 1 as a");
    project.ok(&["build"]);
    let out = project.ok(&["list", "--select", "metric:big+", "--resource-type", "model"]).text();
    assert!(out.lines().any(|line| line == "shop.below"), "{out}");
    // What is not there is told of, with the place.
    project.file("models/below.sql", "-- {{ metric('shares') }}\nselect 1 as a");
    let told = project.fails(2, &["parse"]).text();
    assert!(told.contains("PT401") && told.contains("models/below.sql:1"), "{told}");
    assert!(told.contains("metric `shares`"), "{told}");
    project.file("models/below.sql", "select {{ metric() }} as a");
    assert!(project.fails(2, &["parse"]).text().contains("metric() takes the name of a metric"));
}
