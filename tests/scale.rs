//! How long the DAG and the manifest take for 10,000 models with 30,000 tests. Ignored by default:
//! `cargo test --release --test scale -- --ignored --nocapture` shows the times.

use std::sync::Arc;
use std::time::Instant;

use indexmap::IndexMap;
use pintail::artifacts::{ManifestInputs, manifest_to};
use pintail::diagnostic::SourceFile;
use pintail::graph::{Audits, Graph, Indirect, Selection};
use pintail::manifest::{Manifest, Node, NodeConfig, ResourceType, TestMetadata, UniqueId};
use pintail::run::{InvocationInfo, RunResult, Status};

const MODELS: usize = 10_000;

fn node(kind: ResourceType, name: String, depends_on: Vec<UniqueId>) -> Node {
    let path = format!("layer/{name}.sql");
    let raw: Arc<str> =
        "select id, sum(amount) as amount\nfrom {{ ref('x') }}\ngroup by 1\n".repeat(8).into();
    let file = SourceFile::new("models/x.sql", "");
    Node {
        fqn: vec!["big".into(), "layer".into(), name.clone()],
        original_file_path: format!("models/{path}"),
        path,
        raw_code: raw,
        database: "db".into(),
        schema: "main".into(),
        alias: name.clone(),
        config: NodeConfig {
            values: [("materialized".to_owned(), "table".into())].into_iter().collect(),
        },
        checksum: "0".repeat(64),
        description: "A model of a large project".into(),
        tags: vec!["nightly".into()],
        patch_path: Some("big://models/schema.yml".into()),
        depends_on,
        ..Node::bare(kind, "big", &name, file, "duckdb".into())
    }
}

fn project() -> Manifest {
    let mut manifest = Manifest { project_name: "big".into(), ..Manifest::default() };
    let mut add = |node: Node| manifest.nodes.insert(node.unique_id.clone(), node.into());
    let id = |at: usize| -> UniqueId { format!("model.big.m{at}").into() };
    for at in 0..MODELS {
        let parents = [at / 2, at / 3 + 1, at.saturating_sub(100)];
        let mut parents: Vec<usize> = parents.into_iter().filter(|p| *p < at).collect();
        parents.sort_unstable();
        parents.dedup();
        add(node(ResourceType::Model, format!("m{at}"), parents.iter().map(|p| id(*p)).collect()));
    }
    for at in 0..MODELS {
        for (test, depends_on) in [
            ("unique", vec![id(at)]),
            ("not_null", vec![id(at)]),
            ("relationships", vec![id(at / 2), id(at)]),
        ] {
            let mut one = node(ResourceType::Test, format!("{test}_m{at}"), depends_on);
            one.test_metadata = Some(TestMetadata {
                name: test.into(),
                namespace: None,
                entry: format!("models.m{at}"),
                kwargs: IndexMap::from([("column_name".to_owned(), "id".into())]),
            });
            one.attached_node = Some(id(at));
            one.raw_code = "{{ test_unique(**_dbt_generic_test_kwargs) }}".into();
            add(one);
        }
    }
    manifest
}

#[test]
#[ignore = "shows times; run it with --release"]
fn forty_thousand_nodes() {
    let manifest = project();
    let time = |what: &str, start: Instant| eprintln!("{what}: {:?}", start.elapsed());
    let start = Instant::now();
    let graph = Graph::build(&manifest).unwrap();
    time("build", start);
    for (select, indirect) in [
        (None, Indirect::Eager),
        (Some("m50*"), Indirect::Eager),
        (Some("+m9999"), Indirect::Cautious),
        (Some("@m5000"), Indirect::Eager),
        (Some("tag:nightly,config.materialized:table path:models/layer"), Indirect::Buildable),
    ] {
        let selection = Selection {
            select: select.map(|text| vec![text.to_owned()]),
            indirect,
            ..Selection::default()
        };
        let start = Instant::now();
        let found = graph.select(&manifest, &selection).unwrap();
        time(&format!("select {select:?}: {} nodes", found.nodes.len()), start);
    }
    let all = graph.select(&manifest, &Selection::default()).unwrap();
    let start = Instant::now();
    let mut order = graph.run_order(&manifest, &all.set, &Audits::default(), true);
    time("run order with test edges", start);
    let start = Instant::now();
    let mut ready = order.start();
    let mut count = 0;
    while let Some(node) = ready.pop() {
        count += 1;
        ready.extend(order.finish(node));
    }
    time("walk", start);
    assert_eq!(count, MODELS * 4);
    let invocation = InvocationInfo {
        invocation_id: uuid::Uuid::nil(),
        command: "parse".into(),
        started_at: jiff::Timestamp::now(),
        selection: String::new(),
        target: "dev".into(),
        profile: "big".into(),
        project: "big".into(),
        git_commit: None,
        git_branch: None,
        user: None,
        host: None,
        pid: 1,
        version: String::new(),
        args: serde_json::Map::new(),
    };
    let code =
        "select id, sum(amount) as amount\nfrom \"db\".\"main\".\"x\"\ngroup by 1\n".repeat(8);
    let mut compiled = RunResult::new(&manifest.nodes[0], Status::Success);
    compiled.compiled_code = Some(code.as_str().into());
    let registry = pintail::jinja::MacroRegistry::builder("big").build();
    let inputs = ManifestInputs {
        manifest: &manifest,
        graph: &graph,
        invocation: &invocation,
        adapter_type: "duckdb",
        generated_at: jiff::Timestamp::now(),
        quoting: pintail::relation::Quoting::default(),
        target_path: "target",
        selectors: &serde_json::Map::new(),
        compiler: None,
        compiled: &|_| Some(&compiled),
        ran: &|_| false,
        registry: &registry,
    };
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut out = Counted(0);
        let start = Instant::now();
        pool.install(|| manifest_to(&mut out, &inputs)).unwrap();
        time(&format!("manifest, {threads} threads, {} MB", out.0 / 1_000_000), start);
    }
}

/// Counts what is written.
struct Counted(usize);

impl std::io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
