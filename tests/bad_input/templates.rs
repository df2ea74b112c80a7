//! Jinja: what does not parse, what is not defined, what is raised.

use insta::assert_snapshot;

use crate::project::Project;

#[test]
fn unclosed_block_in_a_model() {
    let project = Project::new(
        "== models/orders.sql\nselect\n{% for day in [1, 2] %}\n  {{ day }} as day_{{ day }},\nfrom x\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn unclosed_expression_in_a_model() {
    let project = Project::new(
        "== models/orders.sql\nselect 1 as id\nfrom {{ ref('customers') }\nwhere id > 0\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn bad_expression_in_a_model() {
    let project = Project::new("== models/orders.sql\nselect\n  {{ 1 + }} as id\n");
    assert_snapshot!(project.run("parse"));
}

#[test]
fn unknown_tag_in_a_model() {
    let project =
        Project::new("== models/orders.sql\n{% iff true %}\nselect 1 as id\n{% endif %}\n");
    assert_snapshot!(project.run("parse"));
}

#[test]
fn unclosed_macro() {
    let project = Project::new(
        "== macros/money.sql\n{% macro cents(column) %}\n  {{ column }} * 100\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn bad_expression_in_a_macro() {
    let project = Project::new(
        "== macros/money.sql\n{% macro cents(column) %}\n  {{ column * }}\n{% endmacro %}\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn bad_expression_in_properties() {
    let project = Project::new(
        "== models/schema.yml\nmodels:\n  - name: orders\n    description: \"{{ doc('orders' }}\"\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn bad_expression_in_a_config_of_properties() {
    let project = Project::new(
        "== models/schema.yml\nmodels:\n  - name: orders\n    config:\n      schema: \"{{ var('schema', }}\"\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn bad_expression_in_dbt_project() {
    let project = Project::new(
        "== dbt_project.yml\nname: shop\nprofile: shop\nmodels:\n  shop:\n    +schema: \"{{ target.nme | nosuch }}\"\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn unknown_docs_block() {
    let project = Project::new(
        "== models/docs.md\n{% docs orders_table %}All orders.{% enddocs %}\n== models/schema.yml\nmodels:\n  - name: orders\n    description: \"{{ doc('order_table') }}\"\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn undefined_macro() {
    let project = Project::new(
        "== macros/money.sql\n{% macro cents_to_euros(column) %}{{ column }} / 100{% endmacro %}\n== models/orders.sql\nselect\n  {{ cent_to_euros('price') }} as price\n",
    );
    // A doubt while parsing, as in dbt: it may stand in a branch that is not taken.
    assert_snapshot!(project.run("parse"));
    assert_snapshot!("undefined_macro_compiled", project.run("compile"));
}

/// As in dbt, what stands behind it is noted all the same.
#[test]
fn refs_behind_an_undefined_macro() {
    let project = Project::new(
        "== macros/money.sql\n{% macro cents(column) %}{{ column }} * 100{% endmacro %}\n\
         == models/base.sql\nselect 1 as price\n\
         == models/orders.sql\nselect {% if nothing() %}x{% endif %} {{ gone('price').more }} {{ shop.gone() }}\n  \
         {{ cents('price') }} as price from {{ ref('base') }}\n",
    );
    assert_snapshot!(project.run("parse"));
    let manifest = std::fs::read_to_string(project.path("target/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let depends_on = &manifest["nodes"]["model.shop.orders"]["depends_on"];
    assert_eq!(depends_on["nodes"], serde_json::json!(["model.shop.base"]));
    assert_eq!(depends_on["macros"], serde_json::json!(["macro.shop.cents"]));
    assert_snapshot!("refs_behind_an_undefined_macro_compiled", project.run("compile"));
}

#[test]
fn undefined_macro_called_by_a_macro() {
    let project = Project::new(
        "== macros/money.sql\n{% macro euros(column) %}\n  {{ rounded(column) }}\n{% endmacro %}\n== models/orders.sql\nselect\n  {{ euros('price') }} as price\n",
    );
    assert_snapshot!(project.run("compile"));
}

#[test]
fn undefined_macro_of_a_package() {
    let project = Project::new("== models/orders.sql\nselect {{ dbt_utils.star(1) }}\n");
    assert_snapshot!(project.run("parse"));
    assert_snapshot!("undefined_macro_of_a_package_compiled", project.run("compile"));
}

#[test]
fn attribute_of_something_undefined() {
    let project = Project::new("== models/orders.sql\nselect {{ settings.region }} as region\n");
    assert_snapshot!(project.run("compile"));
}

#[test]
fn attribute_that_is_not_there() {
    let project =
        Project::new("== models/orders.sql\nselect {{ target.nothing.more }} as region\n");
    assert_snapshot!(project.run("compile"));
}

#[test]
fn raised_by_a_macro() {
    let project = Project::new(
        "== macros/checks.sql\n{% macro allowed(kind) %}\n  {% if kind not in ['new', 'used'] %}\n    {{ exceptions.raise_compiler_error('The kind ' ~ kind ~ ' is not sold here') }}\n  {% endif %}\n  '{{ kind }}'\n{% endmacro %}\n\n{% macro kind_column(kind) %}\n  {{ allowed(kind) }} as kind\n{% endmacro %}\n== models/orders.sql\nselect\n  1 as id,\n  {{ kind_column('old') }}\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn wrong_arguments_of_a_macro() {
    let project = Project::new(
        "== macros/money.sql\n{% macro cents(column) %}{{ column }} * 100{% endmacro %}\n== models/orders.sql\nselect\n  {{ cents('price', digits=2) }} as price\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn two_macros_of_one_name() {
    let project = Project::new(
        "== macros/money.sql\n{% macro cents(column) %}{{ column }} * 100{% endmacro %}\n== macros/other.sql\n\n{% macro cents(c) %}{{ c }} * 100{% endmacro %}\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn unknown_test() {
    let project = Project::new(
        "== models/schema.yml\nmodels:\n  - name: orders\n    columns:\n      - name: id\n        data_tests:\n          - not_nul\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("build --no-check"));
}

#[test]
fn wrong_type_in_an_expression() {
    let project = Project::new("== models/orders.sql\nselect\n  {{ 'a' + 1 }} as id\n");
    assert_snapshot!(project.run("compile"));
}

#[test]
fn python_model_with_a_computed_ref() {
    let project = Project::new(
        "== models/scores.py\nimport pandas as pd\n\n\ndef model(dbt, session):\n    name = 'orders'\n    return dbt.ref(name).df()\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn python_model_without_python() {
    let project = Project::new(
        "== models/scores.py\ndef model(dbt, session):\n    return session.sql('select 1 as id')\n",
    );
    assert_snapshot!(project.env("PINTAIL_PYTHON", "/nowhere/python3").run("run"));
}

/// A loop that feeds itself ends with an error instead of the machine's memory.
#[test]
fn endless_loop() {
    let project = Project::new(
        "== models/orders.sql\n{% set todo = [1] %}\n{% for one in todo %}\n    {% do todo.append(one + 1) %}\n\
         {% endfor %}\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("compile --template-steps 100000"));
}

/// Nothing outside of the project can be read by a template.
#[test]
fn template_reads_a_file() {
    let project =
        Project::new("== models/orders.sql\nselect '{% include \"/etc/passwd\" %}' as x\n");
    assert_snapshot!(project.run("compile"));
}
