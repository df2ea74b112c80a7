//! Who may see and do what in the results store, tried as the logins themselves; and the audit log.

use pintail::engine::Connection;
use pintail::engine::postgres::PostgresConnection;

use crate::support::project::{On, Project};

struct Login<'a> {
    project: &'a Project,
    name: String,
}

impl Login<'_> {
    fn open(&self) -> PostgresConnection {
        let mut params = self.project.database().params.clone();
        params.user.clone_from(&self.name);
        PostgresConnection::open(&params).unwrap()
    }

    /// The project's profiles.yml with this login.
    fn profiles(&self) -> String {
        let user = format!("user: {}", self.project.database().params.user);
        self.project.read("profiles.yml").replace(&user, &format!("user: {}", self.name))
    }

    /// The first column of a query.
    fn sees(&self, sql: &str) -> Vec<String> {
        let rows = self.open().query(sql, None).unwrap_or_else(|e| panic!("{sql}: {e:?}")).rows;
        rows.iter().map(|row| row[0].to_text()).collect()
    }

    #[track_caller]
    fn refused(&self, sql: &str) {
        let error = self.open().execute(sql).expect_err(sql);
        let words = error.words();
        let is_refusal = ["permission denied", "can only be added to", "must be owner"];
        assert!(is_refusal.iter().any(|part| words.contains(part)), "{sql}: {words}");
    }
}

impl Drop for Login<'_> {
    fn drop(&mut self) {
        let mut connection = self.project.database().connect();
        let _ = connection.execute(&format!("drop owned by {0}; drop role {0}", self.name));
    }
}

fn login<'a>(project: &'a Project, name: &str) -> Login<'a> {
    let name = format!("{name}_{}", project.database().params.dbname);
    project.database().connect().execute(&format!("create role {name} login")).unwrap();
    Login { project, name }
}

fn project() -> Project {
    let project = Project::new(
        On::Hybrid,
        &[
            (
                "models/groups.yml",
                "groups: [{name: sales, owner: {name: a}}, {name: staff, owner: {name: b}}]",
            ),
            (
                "models/models.yml",
                "models:\n  - {name: orders, config: {group: sales}, columns: [{name: id, data_tests: [not_null]}]}\n  \
                 - {name: people, config: {group: staff}, columns: [{name: id, data_tests: [not_null]}]}\n",
            ),
            ("models/orders.sql", "select null::int as id, 'order' as what"),
            ("models/people.sql", "select null::int as id, 'person' as what"),
        ],
    );
    project.fails(1, &["build"]);
    project.ok(&["store", "init", "--roles"]);
    project
}

#[test]
fn an_analyst_sees_the_contexts_that_were_granted() {
    let project = project();
    let ana = login(&project, "ana");
    project.ok(&["store", "grant", &ana.name, "--role", "analyst", "--context", "sales"]);
    let names = "select name from etl_orchestration.task_executions order by 1";
    assert_eq!(ana.sees(names), ["not_null_orders_id", "orders"]);
    assert_eq!(ana.sees("select name from data_quality.quality_rules"), ["not_null_orders_id"]);
    assert_eq!(ana.sees("select count(*) from data_quality.quality_checks"), ["1"]);
    assert_eq!(
        ana.sees("select row_data::text from data_quality.quality_failures"),
        [r#"{"id": null}"#]
    );
    assert_eq!(ana.sees("select count(*) from etl_orchestration.pipeline_runs"), ["1"]);
    for sql in [
        "select * from security_audit.audit_logs",
        "select * from security_audit.audit_commands",
        "select * from security_audit.users",
        "update data_quality.quality_checks set status = 'pass'",
        "delete from etl_orchestration.pipeline_runs",
        "insert into security_audit.users values (current_user, 'pintail_admin', '{*}')",
        "create table data_quality.mine (x int)",
        "alter table data_quality.quality_rules disable row level security",
    ] {
        ana.refused(sql);
    }
    // Nothing that she can set makes her somebody else.
    assert_eq!(
        ana.sees(&format!("set role pintail_analyst; {names}")),
        ["not_null_orders_id", "orders"]
    );

    // Her own commands work, show what she may see, and are in the audit log.
    let profiles = project.read("profiles.yml");
    project.file("profiles.yml", &ana.profiles());
    let shown = project.ok(&["failures"]).text();
    assert!(shown.contains("not_null_orders_id") && !shown.contains("people"), "{shown}");
    project.ok(&["history"]);
    project.fails(2, &["store", "audit"]);
    project.file("profiles.yml", &profiles);
    let hers = format!(
        "select string_agg(command, ',' order by started_at) from security_audit.audit_commands where login = '{}'",
        ana.name
    );
    assert_eq!(project.postgres(&hers), [["failures,history,store audit"]]);

    project.ok(&["store", "grant", &ana.name, "--role", "analyst", "--context", "sales,staff"]);
    assert_eq!(ana.sees("select count(*) from data_quality.quality_rules"), ["2"]);
    project.ok(&["store", "revoke", &ana.name]);
    ana.refused("select * from data_quality.quality_rules");
}

#[test]
fn an_engineer_runs_projects_and_cannot_touch_the_audit_log() {
    let project = project();
    let eve = login(&project, "eve");
    let dbname = &project.database().params.dbname;
    project.ok(&["store", "grant", &eve.name, "--role", "engineer"]);
    let grants = format!(
        "grant create on database {dbname} to {0}; grant all on schema public to {0}",
        eve.name
    );
    project.database().connect().execute(&grants).unwrap();
    project.file("profiles.yml", &eve.profiles());
    let ran = project.fails(1, &["build"]);
    assert!(!ran.text().contains("PT701"), "{}", ran.text());
    assert!(project.ok(&["history"]).text().contains("build"));
    let refused = project.fails(2, &["store", "audit"]).text();
    assert!(refused.contains("permission denied"), "{refused}");

    assert_eq!(eve.sees("select count(*) from etl_orchestration.pipeline_runs"), ["2"]);
    assert_eq!(eve.sees("select count(*) from data_quality.quality_checks"), ["4"]);
    for sql in [
        "select * from security_audit.audit_logs",
        "update security_audit.audit_logs set command = 'nothing'",
        "delete from security_audit.audit_logs",
        "truncate security_audit.audit_logs",
        "alter table security_audit.audit_logs disable trigger all",
        "drop table security_audit.audit_logs",
        "insert into security_audit.users values (current_user, 'pintail_admin', '{*}')",
    ] {
        eve.refused(sql);
    }
    // What she adds bears her own name and the database's time, whatever it says.
    eve.open()
        .execute(
            "insert into security_audit.audit_logs (audit_id, invocation_id, event, occurred_at,
            recorded_at, login, command, arguments) values (gen_random_uuid(), gen_random_uuid(),
            'started', '2001-01-01', '2001-01-01', 'somebody', 'forged', '')",
        )
        .unwrap();
    let forged = "select login = '$', recorded_at > now() - interval '1 hour' from security_audit.audit_logs where command = 'forged'";
    assert_eq!(project.postgres(&forged.replace('$', &eve.name)), [["true", "true"]]);
    // Not even the owner changes it.
    let error = project.database().connect().execute("delete from security_audit.audit_logs");
    assert!(error.unwrap_err().words().contains("can only be added to"));
}

#[test]
fn every_command_is_in_the_audit_log() {
    let project = project();
    project.ok(&["ls"]);
    project.fails(2, &["run", "--select", "no_such_method:x"]);
    project.ok(&["compile"]);
    let rows = project.postgres(
        "select command, arguments, coalesce(exit_code::text, 'open'), os_user, login = session_user, duration_ms >= 0
        from security_audit.audit_commands order by started_at",
    );
    assert_eq!(
        rows,
        [
            ["build", "build", "1", "tester", "true", "true"],
            ["store init", "store init --roles", "0", "tester", "true", "true"]
        ]
    );
    // What needed no store is told by whoever opens it next.
    let shown = project.ok(&["store", "audit"]).text();
    for part in ["ls", "run --select no_such_method:x", "could not run", "compile", "a node failed"]
    {
        assert!(shown.contains(part), "{part} is missing in:\n{shown}");
    }
    let open = "select string_agg(command, ',') from security_audit.audit_commands where exit_code is null";
    assert_eq!(project.postgres(open), [["NULL"]]);
}

#[test]
fn roles_are_asked_for_sensibly() {
    let project = project();
    let unknown =
        project.fails(2, &["store", "grant", "nobody_there", "--role", "engineer"]).text();
    assert!(unknown.contains("The database has no login `nobody_there`"), "{unknown}");
    assert!(unknown.contains("create role"), "{unknown}");
    let blind = project.fails(2, &["store", "grant", "x", "--role", "analyst"]).text();
    assert!(blind.contains("An analyst without contexts sees nothing"), "{blind}");
    // Again, as after an upgrade.
    project.ok(&["store", "init", "--roles"]);
}
