//! `lineage`: columns from node to node, as it is shown.

use super::support::project::{On, Project};

const FILES: &[(&str, &str)] = &[
    ("seeds/raw_orders.csv", "id,customer,amount,status\n1,a,10,new\n2,b,20,sent\n"),
    (
        "models/sources.yml",
        "sources:\n  - name: crm\n    config: {engine: operational}\n    schema: public\n    tables:\n      \
         - name: people\n        columns: [{name: id}, {name: mail}]\n",
    ),
    (
        "models/clean.sql",
        "{{ config(materialized='ephemeral') }}\n\
         select id as order_id, customer, amount / 100 as amount, status from {{ ref('raw_orders') }}\n\
         where status <> 'void'",
    ),
    (
        "models/orders.sql",
        "with all_of_it as (select * from {{ ref('clean') }})\n\
         select o.*, p.mail, sum(amount) over (partition by customer) as total\n\
         from all_of_it o left join {{ source('crm', 'people') }} p on p.id = o.customer",
    ),
    (
        "models/served.sql",
        "{{ config(engine='operational') }}\n\
         select order_id, upper(mail) as mail, current_date as day, nothing\n\
         from {{ ref('orders') }} where status = 'sent'",
    ),
];

fn project() -> Project {
    Project::new(On::Hybrid, FILES)
}

#[test]
fn a_column_is_followed_over_engines_and_ephemeral_models() {
    let project = project();
    let tree = |args: &[&str]| project.ok(&[&["--quiet", "lineage"], args].concat()).stdout;
    insta::assert_snapshot!("upstream_of_a_column", tree(&["served.order_id", "--upstream"]));
    insta::assert_snapshot!("downstream_of_a_column", tree(&["raw_orders.amount", "--downstream"]));
    insta::assert_snapshot!("a_model", tree(&["orders"]));
    insta::assert_snapshot!("what_is_not_resolved", tree(&["served", "--upstream"]));
    insta::assert_snapshot!("a_source", tree(&["crm.people.mail"]));
    insta::assert_snapshot!("a_project", tree(&[]));
}

#[test]
fn machines_get_a_graph() {
    let project = project();
    let graph = |format: &str| {
        project
            .ok(&["--quiet", "lineage", "orders.amount", "--upstream", "--format", format])
            .stdout
    };
    insta::assert_snapshot!("mermaid", graph("mermaid"));
    insta::assert_snapshot!("dot", graph("dot"));
    insta::assert_snapshot!("json", graph("json"));
}

#[test]
fn a_name_that_is_not_known_is_told_with_the_nearest_one() {
    let project = project();
    let error = |name: &str| project.fails(2, &["--quiet", "lineage", name]).stderr;
    insta::assert_snapshot!("no_such_model", error("order"));
    insta::assert_snapshot!("no_such_column", error("orders.amuont"));
    assert!(error("crm.peple.id").contains("Did you mean `crm.people`?"));
}

#[test]
fn the_documentation_has_the_edges_without_a_database() {
    let project = project();
    project.ok(&["docs", "generate", "--empty-catalog"]);
    let index = super::docs::data(&project, "index");
    let nodes = super::docs::data(&project, "nodes-0");
    let place = |name: &str| {
        let all = index["nodes"].as_array().unwrap();
        all.iter().position(|node| node.to_string().contains(&format!("{name}\""))).unwrap()
    };
    let about =
        nodes.as_array().unwrap().iter().find(|node| node["lineage"].to_string().contains("total"));
    let edges = about.expect("orders has edges")["lineage"].as_array().unwrap();
    let edge = |own: &str, from: &str, column: &str, kind: &str| {
        serde_json::json!([own, place(from), column, kind])
    };
    assert!(edges.contains(&edge("total", "clean", "amount", "transform")), "{edges:?}");
    assert!(edges.contains(&edge("order_id", "clean", "order_id", "copy")), "{edges:?}");
    assert!(edges.contains(&edge("mail", "people", "mail", "copy")), "{edges:?}");
    assert!(edges.contains(&edge("", "people", "id", "filter")), "{edges:?}");
}

#[test]
fn copies_of_personal_columns_that_are_not_tagged_are_a_finding() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("seeds/people.csv", "id,mail,phone\n1,a,b\n"),
            ("models/tagged.sql", "select id, mail as address from {{ ref('people') }}"),
            (
                "models/untagged.sql",
                "select id, address as contact, upper(address) as x from {{ ref('tagged') }}",
            ),
            (
                "models/again.sql",
                "select contact from {{ ref('untagged') }} union all select 'none'",
            ),
            ("models/denied.sql", "select phone from {{ ref('people') }}"),
            (
                "models/properties.yml",
                "seeds:\n  - name: people\n    columns: [{name: mail, meta: {pii: true}}, {name: phone, meta: {pii: true}}]\n\
                 models:\n  - name: tagged\n    columns: [{name: address, meta: {pii: true}}]\n  \
                 - name: denied\n    columns: [{name: phone, meta: {pii: false}}]\n",
            ),
        ],
    );
    let ran = project.ok(&["--quiet", "check", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let all = json["findings"].as_array().unwrap();
    let messages: Vec<&str> = all.iter().map(|one| one["message"].as_str().unwrap()).collect();
    assert_eq!(
        messages,
        [
            "`untagged.contact` has the values of `tagged.address`, which is tagged as personal, and is not tagged",
            "`again.contact` has the values of `tagged.address`, which is tagged as personal, and is not tagged",
        ]
    );
    assert_eq!(all[0]["code"], "PT522");
}
