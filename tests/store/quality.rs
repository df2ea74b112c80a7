//! Tests as rules: scores, flaky and slow ones, and the life of failing rows.

use super::*;

/// What a check of a run found: hours after the first, the ids of the rows, and whether they are all.
type Found = (i64, Status, &'static [i64], bool);

/// What a run that found this left on disk, since its store was away.
fn left_behind(database: &TestDatabase, target: &str, found: &Found) -> spool::Left {
    let (hours, status, ids, complete) = *found;
    let manifest = manifest();
    let run = InvocationInfo { target: target.to_owned(), ..invocation() };
    let rules = QualityRule::all(&manifest, manifest.nodes.values().map(|node| &**node));
    let recording = Recording::reaching(begin(&run, 1, rules), away_for(usize::MAX, database));
    let mut result = result(test_node(&manifest, "orders_to_stg"), status);
    let at = "2026-03-01T00:00:00Z".parse::<Timestamp>().unwrap();
    let at = at + Duration::from_secs(3600 * u64::try_from(hours).unwrap());
    result.execute = Some(Timing { started_at: at, completed_at: at });
    result.failures = (status != Status::Error).then_some(ids.len() as u64);
    if !ids.is_empty() {
        let columns =
            ["id", "note"].map(|name| Column { name: name.into(), data_type: "x".into() });
        // The note is another one each time; the key is the id.
        let row = |id: &i64| vec![Cell::Int((*id).into()), Cell::Int(hours.into())];
        let rows = ResultSet { columns: columns.into(), rows: ids.iter().map(row).collect() };
        result.failing_rows = Some(FailingRows { rows, key: 1, recognisable: true, complete });
    }
    recording.record(std::slice::from_ref(&result));
    let (_, folder) = recording.finish(&end(RunStatus::Failed, &[result]));
    spool::left(folder.path()).remove(0)
}

#[test]
fn failing_rows_have_the_same_life_in_whatever_order_runs_arrive() {
    let database = TestDatabase::create();
    let found: [Found; 6] = [
        (1, Status::Fail, &[1, 2, 3], true),
        (2, Status::Fail, &[2], true),
        (3, Status::Fail, &[2, 4], false),
        (4, Status::Error, &[], false),
        (5, Status::Fail, &[3, 4], true),
        (6, Status::Warn, &[4], false),
    ];
    let lives = |target: &str| {
        let sql = format!(
            "select concat_ws(' ', row_key ->> 'id', status, times_seen,
            extract(hour from first_seen), extract(hour from last_seen), extract(hour from resolved_at),
            (select count(*) from etl_orchestration.pipeline_runs
                where run_id in (first_run_id, last_run_id)))
            from data_quality.quality_incidents where target = '{target}' order by 1"
        );
        column(&database, &sql)
    };
    let orders = [
        [0, 1, 2, 3, 4, 5],
        [5, 4, 3, 2, 1, 0],
        [2, 0, 4, 1, 5, 3],
        [4, 1, 0, 5, 2, 3],
        [1, 0, 3, 2, 5, 4],
        [3, 5, 1, 4, 0, 2],
        [0, 4, 1, 2, 5, 3],
        [4, 5, 0, 2, 1, 3],
    ];
    for (at, order) in orders.iter().enumerate() {
        let target = format!("target{at}");
        let mut store = Store::reach(&database.params).unwrap();
        for one in order {
            let left = left_behind(&database, &target, &found[*one]);
            for _twice in 0..2 {
                assert_eq!(store.replay(&left).unwrap(), 0);
            }
        }
        assert_eq!(
            lives(&target),
            [
                "1 resolved 1 1 1 2 1",
                "2 resolved 3 1 3 5 2",
                "3 recurring 2 1 5 2",
                "4 recurring 3 3 6 2"
            ],
            "{order:?}"
        );
    }
    // A check that passes resolves all, on its own target.
    let mut store = Store::reach(&database.params).unwrap();
    store.replay(&left_behind(&database, "target0", &(7, Status::Pass, &[], true))).unwrap();
    let ended = [
        "1 resolved 1 1 1 2 1",
        "2 resolved 3 1 3 5 2",
        "3 resolved 2 1 5 7 2",
        "4 resolved 3 3 6 7 2",
    ];
    assert_eq!(lives("target0"), ended);
    assert_eq!(lives("target1")[2], "3 recurring 2 1 5 2");
    // A row that was found once is new, also where the list was cut off.
    store.replay(&left_behind(&database, "fresh", &(1, Status::Fail, &[9], false))).unwrap();
    assert_eq!(lives("fresh"), ["9 new 1 1 1 1"]);
}

/// Rules r1 … and checks of them, written by hand; gives the store.
fn by_hand(database: &TestDatabase, sql: &str) -> Store {
    let store = Store::reach(&database.params).unwrap();
    let made = "
        insert into etl_orchestration.pipeline_runs (run_id, project, command, target, status, started_at)
            values ('00000000-0000-0000-0000-000000000001', 'shop', 'test', 'dev', 'success', now());
        insert into data_quality.quality_rules
            (rule_id, project, unique_id, name, kind, severity, owner, context)
        select md5('r' || n)::uuid, 'shop', 'test.shop.r' || n, 'r' || n, 'singular',
            case n % 2 when 0 then 'warn' else 'error' end, 'o' || n % 3, 'c' || n % 2
        from generate_series(1, 6) as n;
        create function check_of(rule text, status text, at timestamptz, ms bigint = 10, sql text = 'a')
        returns void language sql as $$
            insert into data_quality.quality_checks (
                check_id, run_id, rule_id, target, status, failures, severity, duration_ms,
                compiled_sql_hash, checked_at, rows_complete
            )
            select gen_random_uuid(), '00000000-0000-0000-0000-000000000001', rule_id, 'dev', status,
                case status when 'fail' then 3 when 'warn' then 1 else 0 end, severity, ms, sql, at, true
            from data_quality.quality_rules where name = rule
        $$;
    ";
    database.connect().execute(&format!("{made}{sql}")).unwrap();
    store
}

#[test]
fn the_score_of_a_day_is_that_of_its_last_checks() {
    let database = TestDatabase::create();
    let mut store = by_hand(
        &database,
        "select check_of('r1', 'pass', '2026-03-01 10:00Z'), check_of('r1', 'fail', '2026-03-01 11:00Z'),
            check_of('r1', 'skipped', '2026-03-01 12:00Z'), check_of('r1', 'pass', '2026-03-02 01:00Z'),
            check_of('r2', 'warn', '2026-03-01 23:59Z'), check_of('r3', 'error', '2026-03-02 01:00Z'),
            check_of('r5', 'pass', '2026-03-02 01:00Z')",
    );
    assert_eq!(
        column(
            &database,
            "select concat_ws(' ', day, project, target, context, owner, rules, passed, warned, failed,
            errors, failing_rows, score) from data_quality.quality_reports order by day, context, owner"
        ),
        [
            "2026-03-01 shop dev c0 o2 1 0 1 0 0 1 50.00",
            "2026-03-01 shop dev c1 o1 1 0 0 1 0 3 0.00",
            "2026-03-02 shop dev c1 o0 1 0 0 0 1 0 0.00",
            "2026-03-02 shop dev c1 o1 1 1 0 0 0 0 100.00",
            "2026-03-02 shop dev c1 o2 1 1 0 0 0 0 100.00",
        ]
    );
    let card = store.scorecard("shop", "dev", "2026-03-02", "2026-03-01").unwrap();
    // A rule of severity error weighs twice: (2 + 2) of 6, before that 0.5 of 3.
    assert_eq!((card.score, card.score_before), (Some(66.67), Some(16.67)));
    let of = |one: &pintail::store::ContextScore| {
        let name = format!("{:?} {:?}", one.context.as_deref(), one.owner.as_deref());
        (name, one.score, one.score_before, one.tests)
    };
    let contexts: Vec<_> = card.contexts.iter().map(of).collect();
    assert_eq!(contexts[0], ("Some(\"c1\") Some(\"o0\")".into(), Some(0.0), None, 1));
    assert_eq!(contexts[1], ("Some(\"c1\") Some(\"o1\")".into(), Some(100.0), Some(0.0), 1));
    let worst: Vec<&str> = card.worst.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(worst, ["r3"]);
    assert_eq!(store.scorecard("shop", "prod", "2026-03-02", "2026-03-01").unwrap().score, None);
}

#[test]
fn tests_that_flip_and_tests_that_slow_down_are_found() {
    let database = TestDatabase::create();
    let mut store = by_hand(
        &database,
        "select check_of('r1', case n % 2 when 0 then 'pass' else 'fail' end, '2026-03-01Z'::timestamptz + n * interval '1 hour'),
            -- failed once and was put right
            check_of('r2', case n when 3 then 'fail' else 'pass' end, '2026-03-01Z'::timestamptz + n * interval '1 hour'),
            -- was written anew each time
            check_of('r3', case n % 2 when 0 then 'pass' else 'fail' end, '2026-03-01Z'::timestamptz + n * interval '1 hour', sql => n::text),
            check_of('r4', 'pass', '2026-03-01Z'::timestamptz + n * interval '1 hour', case n when 8 then 900 else 100 + n end),
            -- slower, but by nothing that anybody would notice
            check_of('r5', 'pass', '2026-03-01Z'::timestamptz + n * interval '1 hour', case n when 8 then 50 else 5 end),
            check_of('r6', 'pass', '2026-03-01Z'::timestamptz + n * interval '1 hour', 900)
        from generate_series(1, 8) as n",
    );
    let card = store.scorecard("shop", "dev", "2026-03-01", "2026-02-01").unwrap();
    let flaky: Vec<_> =
        card.flaky.iter().map(|one| (one.name.as_str(), one.checks, one.flips)).collect();
    assert_eq!(flaky, [("r1", 8, 7)]);
    let slow: Vec<_> =
        card.slow.iter().map(|one| (one.name.as_str(), one.duration_ms, one.median_ms)).collect();
    assert_eq!(slow, [("r4", 900, 104)]);
}

/// Questions about 100 tests in 500 runs, of which each finds its rows by an index.
#[test]
fn questions_about_quality_use_indexes() {
    let database = TestDatabase::create();
    Store::reach(&database.params).unwrap();
    let made = "
        insert into etl_orchestration.pipeline_runs (run_id, project, command, target, status, started_at)
        select md5('run' || n)::uuid, 'shop', 'test', 'dev', 'failed', '2026-03-01Z'::timestamptz - n * interval '6 hours'
        from generate_series(1, 500) as n;
        insert into data_quality.quality_rules
            (rule_id, project, unique_id, name, kind, severity, owner, context)
        select md5('rule' || n)::uuid, 'shop', 'test.shop.t' || n, 't' || n, 'unique', 'error', 'o' || n % 5, 'c' || n % 7
        from generate_series(1, 100) as n;
        insert into data_quality.quality_checks (
            check_id, run_id, rule_id, target, status, failures, severity, duration_ms, compiled_sql_hash, checked_at,
            rows_complete
        )
        select md5('check' || r || ' ' || n)::uuid, md5('run' || n)::uuid, md5('rule' || r)::uuid, 'dev',
            case when r % 20 = 0 then 'fail' else 'pass' end, case when r % 20 = 0 then 3 else 0 end, 'error',
            10, 'a', '2026-03-01Z'::timestamptz - n * interval '6 hours' + r * interval '1 second', true
        from generate_series(1, 500) as n, generate_series(1, 100) as r;
        insert into data_quality.quality_failures (
            check_id, run_id, rule_id, row_number, row_data, incident_id, recorded_at
        )
        select check_id, run_id, rule_id, n, '{\"id\": 1}', md5(rule_id::text || n || (run_id::text < '8'))::uuid, checked_at
        from data_quality.quality_checks, generate_series(1, 3) as n where status = 'fail';
        insert into data_quality.quality_incidents
        select md5('incident' || n)::uuid, md5('rule' || n % 100 + 1)::uuid, 'dev', '{}',
            case when n % 500 = 0 then 'new' else 'resolved' end, 1, '2026-01-01Z', '2026-01-01Z',
            case when n % 500 <> 0 then '2026-03-01Z'::timestamptz - n * interval '1 minute' end,
            md5('run1')::uuid, md5('run1')::uuid
        from generate_series(1, 20000) as n;
        analyze";
    database.connect().execute(made).unwrap();
    let rule = one(&database, "select md5('rule20')::uuid");
    let run = one(&database, "select md5('run1')::uuid");
    let check = one(&database, "select md5('check20 1')::uuid");
    let earlier = one(&database, "select md5('check20 2')::uuid");
    let quoted = |text: &str| format!("'{text}'");
    let questions: [(&str, &str, Vec<String>); 10] = [
        (
            "checks",
            include_str!("../../src/store/sql/checks.sql"),
            vec![quoted("shop"), "null".into(), quoted("dev")],
        ),
        (
            "checks_of_run",
            include_str!("../../src/store/sql/checks_of_run.sql"),
            vec![quoted("shop"), quoted("t20"), quoted(&run[..8])],
        ),
        (
            "scores",
            include_str!("../../src/store/sql/scores.sql"),
            ["shop", "dev", "2026-02-23", "2026-02-16"].map(quoted).into(),
        ),
        (
            "worst_rules",
            include_str!("../../src/store/sql/worst_rules.sql"),
            vec![quoted("shop"), quoted("dev"), quoted("2026-02-23"), "10".into()],
        ),
        (
            "flaky_tests",
            include_str!("../../src/store/sql/flaky_tests.sql"),
            vec![quoted("shop"), quoted("dev"), "10".into()],
        ),
        (
            "slow_tests",
            include_str!("../../src/store/sql/slow_tests.sql"),
            vec![quoted("shop"), quoted("dev"), "10".into()],
        ),
        (
            "failing_rows",
            include_str!("../../src/store/sql/failing_rows.sql"),
            vec![quoted(&check), "20".into()],
        ),
        ("changes", include_str!("../../src/store/sql/changes.sql"), vec![quoted(&check)]),
        (
            "resolved_rows",
            include_str!("../../src/store/sql/resolved_rows.sql"),
            vec![quoted(&check), quoted(&earlier)],
        ),
        (
            "settle_incidents",
            include_str!("../../src/store/sql/settle_incidents.sql"),
            vec![quoted(&format!("{{{rule}}}")), quoted("{dev}"), quoted("{2026-03-01T00:00:00Z}")],
        ),
    ];
    for (name, sql, values) in questions {
        let filled = values.iter().enumerate().rev().fold(sql.to_owned(), |sql, (at, value)| {
            // Comments name the parameters, too.
            let lines = sql.lines().map(|line| match line.trim_start().starts_with("--") {
                true => String::new(),
                false => line.replace(&format!("${}", at + 1), value),
            });
            lines.collect::<Vec<_>>().join("\n")
        });
        let plan = column(&database, &format!("explain {filled}")).join("\n");
        for table in ["quality_checks", "quality_failures", "quality_incidents"] {
            assert!(!plan.contains(&format!("Seq Scan on {table}")), "{name}:\n{plan}");
        }
    }
}
