//! The DAG against dbt-core: every selection in `fixtures/selectors/expected.json` was answered by
//! dbt itself (`ask_dbt.py` asks again); orders and waits are checked by hand or brute force.

mod dbt_manifest;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pintail::graph::{Audits, Due, Graph, Indirect, NodeIndex, Selection};
use pintail::manifest::{Manifest, ResourceType};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/selectors").join(name)
}

fn project() -> (Manifest, Graph) {
    let (manifest, _) = dbt_manifest::read(&fixture("manifest.json"));
    let graph = Graph::build(&manifest).expect("no circle");
    (manifest, graph)
}

fn ids(graph: &Graph, nodes: &[NodeIndex]) -> Vec<String> {
    nodes.iter().map(|index| graph.unique_id(*index).to_string()).collect()
}

#[test]
fn every_selection_is_as_dbt_answers_it() {
    let (manifest, graph) = project();
    let text = std::fs::read_to_string(fixture("expected.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(cases.len() > 130);
    let mut wrong = Vec::new();
    for case in &cases {
        let words = |key: &str| case[key].as_str().map(|text| vec![text.to_owned()]);
        let selection = Selection {
            select: words("select"),
            exclude: words("exclude"),
            indirect: case["indirect"]
                .as_str()
                .map_or(Indirect::Eager, |name| Indirect::named(name).expect("a mode")),
            // What dbt's `ls --resource-type all` lists.
            resource_types: Some(vec![
                ResourceType::Model,
                ResourceType::Seed,
                ResourceType::Snapshot,
                ResourceType::Test,
                ResourceType::Analysis,
                ResourceType::Source,
                ResourceType::Exposure,
            ]),
            include_empty: true,
        };
        let found = graph.select(&manifest, &selection).expect("it parses");
        let nodes: BTreeSet<String> = ids(&graph, &found.nodes).into_iter().collect();
        let strings = |key: &str| -> BTreeSet<String> {
            let list = case[key].as_array().unwrap().iter();
            list.map(|one| one.as_str().unwrap().to_owned()).collect()
        };
        let expected = strings("nodes");
        let warned: BTreeSet<String> = found
            .warnings
            .iter()
            .map(|warning| {
                let rest = warning.message.strip_prefix("The selection criterion '").unwrap();
                rest.strip_suffix("' does not match any enabled nodes").unwrap().to_owned()
            })
            .collect();
        if nodes != expected || warned != strings("unmatched") {
            wrong.push(format!(
                "{} / {} / {}\n  too many: {:?}\n  missing: {:?}\n  warned: {:?}",
                case["select"],
                case["exclude"],
                case["indirect"],
                nodes.difference(&expected).collect::<Vec<_>>(),
                expected.difference(&nodes).collect::<Vec<_>>(),
                warned,
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn engines_can_be_selected() {
    let (mut manifest, _) = project();
    manifest.nodes["model.shop.revenue"].engine = "operational".into();
    let graph = Graph::build(&manifest).unwrap();
    let selection = Selection {
        select: Some(vec!["engine:oper*".into()]),
        indirect: Indirect::Empty,
        ..Selection::default()
    };
    let found = graph.select(&manifest, &selection).unwrap();
    assert_eq!(ids(&graph, &found.nodes), ["model.shop.revenue"]);
}

#[test]
fn values_that_a_method_cannot_take_are_refused() {
    let (manifest, graph) = project();
    for (raw, message) in [
        ("test_type:x", "`x` in the selector `test_type:x` is no type of test"),
        (
            "resource_type:modle",
            "`modle` in the selector `resource_type:modle` is no resource type",
        ),
        ("source:a.b.c.d", "`a.b.c.d` in the selector `source:a.b.c.d` has too many parts"),
        ("config:x", "`x` in the selector `config:x` names no config key"),
        ("path:/etc", "`/etc` in the selector `path:/etc` is an absolute path"),
    ] {
        let selection = Selection { select: Some(vec![raw.into()]), ..Selection::default() };
        let error = graph.select(&manifest, &selection).unwrap_err();
        assert_eq!(error.message, message);
        assert!(!error.help.is_empty());
    }
}

#[test]
fn a_circle_is_shown_as_a_path() {
    let (mut manifest, _) = project();
    let revenue = "model.shop.revenue".into();
    manifest.nodes["model.shop.stg_orders"].depends_on.push(revenue);
    let error = Graph::build(&manifest).unwrap_err();
    assert_eq!(error.code.0, "PT404");
    assert_eq!(
        error.message,
        "Found a cycle, models depend on each other: revenue → orders → stg_orders → revenue"
    );
    assert_eq!(error.location.unwrap().path(), Path::new("models/marts/revenue.sql"));
    assert_eq!(error.related.len(), 2);
}

/// `held_back.json` lists for each test all that waits for it in dbt's own graph of a `build`.
#[test]
fn build_waits_for_tests_as_in_dbt() {
    let (manifest, graph) = project();
    let everything = Selection { include_empty: true, ..Selection::default() };
    let all = graph.select(&manifest, &everything).unwrap();
    let order = graph.run_order(&manifest, &all.set, &Audits::default(), true);
    let text = std::fs::read_to_string(fixture("held_back.json")).unwrap();
    let held_back: BTreeMap<String, BTreeSet<String>> = serde_json::from_str(&text).unwrap();
    assert_eq!(held_back.len(), 14);
    for (test, expected) in held_back {
        let index = graph.index_of(&manifest, &test).unwrap();
        let found: BTreeSet<String> = ids(&graph, &order.downstream(index)).into_iter().collect();
        assert_eq!(found, expected, "{test}");
    }
}

#[test]
fn a_scheduler_sees_every_node_once_and_after_its_inputs() {
    let (manifest, graph) = project();
    for (select, tests_block) in [
        (None, true),
        (None, false),
        (Some("stg_orders revenue_daily"), true),
        (Some("tag:daily"), true),
    ] {
        let selection = Selection {
            select: select.map(|text: &str| vec![text.to_owned()]),
            include_empty: true,
            ..Selection::default()
        };
        let selected = graph.select(&manifest, &selection).unwrap();
        let mut order = graph.run_order(&manifest, &selected.set, &Audits::default(), tests_block);
        let mut ready = order.start();
        let mut done = graph.empty_set();
        let mut count = 0;
        while let Some(due) = ready.pop() {
            let Due::Node(node) = due else { panic!("nothing is audited") };
            let mut above = graph.empty_set();
            above.insert(node.index());
            let mut above = graph.ancestors(&above, None);
            above.remove(node.index());
            above.intersect_with(&selected.set);
            assert!(above.is_subset(&done), "{} came too early", graph.unique_id(node));
            assert!(!done.put(node.index()), "{} came twice", graph.unique_id(node));
            count += 1;
            ready.extend(order.finish(due));
        }
        assert_eq!(count, selected.nodes.len());
        assert_eq!(order.unfinished(), 0);
    }
}

#[test]
fn a_failed_test_of_a_staging_model_skips_what_reads_it() {
    let (manifest, graph) = project();
    let selection = Selection {
        select: Some(vec!["stg_orders orders revenue_daily".into()]),
        ..Selection::default()
    };
    let selected = graph.select(&manifest, &selection).unwrap();
    let order = graph.run_order(&manifest, &selected.set, &Audits::default(), true);
    let test = order
        .nodes()
        .iter()
        .find(|index| graph.unique_id(**index).starts_with("test.shop.unique_stg_orders_id"))
        .unwrap();
    let skipped = ids(&graph, &order.downstream(*test));
    assert!(skipped.contains(&"model.shop.orders".to_owned()));
    // `revenue` lies between but is not selected: the order still holds across it.
    assert!(skipped.contains(&"model.shop.revenue_daily".to_owned()));
    assert!(!skipped.contains(&"model.shop.stg_orders".to_owned()));
    let unblocked = graph.run_order(&manifest, &selected.set, &Audits::default(), false);
    assert!(unblocked.downstream(*test).is_empty());
}
