//! What is said of audited models whose tests reject them.

use insta::assert_snapshot;

use crate::project::Project;

#[test]
fn rejected_on_each_engine() {
    let project = Project::hybrid(
        "== models/orders.sql\n{{ config(materialized='table', publish='audited') }}\nselect 1 as id, null as buyer union all select 1, null\n== models/customers.sql\n{{ config(materialized='incremental', publish='audited', engine='operational') }}\nselect 1 as id\n== models/reader.sql\nselect * from {{ ref('orders') }}\n== models/properties.yml\nmodels:\n  - name: orders\n    columns:\n      - name: id\n        data_tests: [unique]\n      - name: buyer\n        data_tests: [not_null, {unique: {config: {severity: warn}}}]\n  - name: customers\n    columns:\n      - name: id\n        data_tests:\n          - accepted_values: {arguments: {values: [2]}}\n",
    );
    assert_snapshot!(project.run("run --threads 1"));
}

#[test]
fn values_that_are_not_known() {
    let project = Project::new(
        "== models/orders.sql\n{{ config(publish='adited') }}\nselect 1 as id\n== models/daily.sql\nselect 1 as id\n== models/properties.yml\nmodels:\n  - name: daily\n    config:\n      materialized: materialized_view\n      publish: audited\n",
    );
    assert_snapshot!(project.run("parse"));
}
