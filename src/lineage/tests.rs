//! Statements and what their columns are made of.

use proptest::prelude::*;

use super::Kind;
use super::made::{Made, Sign};
use super::query::{Input, analyse};
use crate::config::EngineKind;

/// What every test may read: `*` at the end of a list of columns says that there may be more.
const TABLES: &[(&str, &[&str])] = &[
    ("orders", &["id", "customer_id", "amount", "status"]),
    ("customers", &["id", "name", "email"]),
    ("raw", &["*"]),
    ("other", &["*"]),
];

fn inputs() -> Vec<Input> {
    let input = |(name, columns): &(&str, &[&str])| Input {
        names: vec![vec!["db".to_owned(), "main".to_owned(), (*name).to_owned()]],
        sign: Sign::of(name),
        verbatim: None,
        columns: columns
            .iter()
            .filter(|name| **name != "*")
            .map(|name| (*name).to_owned())
            .collect(),
        open: columns.contains(&"*"),
        only_whole: false,
    };
    TABLES.iter().map(input).collect()
}

/// A line for each column: `a = copy orders.id, transform orders.amount`; then what decides.
fn told(sql: &str, kind: EngineKind) -> String {
    let found = match analyse(sql, kind, &inputs()) {
        Ok(found) => found,
        Err((why, _)) => return why,
    };
    let name = |at: usize| match TABLES.get(at) {
        Some((name, _)) => (*name).to_owned(),
        None => found.outside[at - TABLES.len()].clone(),
    };
    let words = |made: &Made, with_kind: bool| {
        let from = made.from.iter().map(|((at, column), kind)| match (kind, with_kind) {
            (Kind::Copy, true) => format!("copy {}.{column}", name(*at)),
            (Kind::Transform, true) => format!("of {}.{column}", name(*at)),
            _ => format!("{}.{column}", name(*at)),
        });
        let problems = made.problems.iter().map(|problem| format!("? {}", problem.reason));
        from.chain(problems).collect::<Vec<_>>().join(", ")
    };
    let mut lines = Vec::new();
    for column in &found.rows.columns {
        lines
            .push(format!("{} = {}", column.name, words(&column.made, true)).trim_end().to_owned());
    }
    if let Some(rest) = found.rows.open.column("*") {
        lines.push(format!("more = {}", words(&rest, true)));
    }
    let filters = words(&found.rows.filters, false);
    if !filters.is_empty() {
        lines.push(format!("rows by {filters}"));
    }
    lines.join("\n")
}

#[track_caller]
fn duckdb(sql: &str, lines: &[&str]) {
    assert_eq!(told(sql, EngineKind::DuckDb), lines.join("\n"), "{sql}");
}

#[track_caller]
fn postgres(sql: &str, lines: &[&str]) {
    assert_eq!(told(sql, EngineKind::Postgres), lines.join("\n"), "{sql}");
}

#[track_caller]
fn both(sql: &str, lines: &[&str]) {
    duckdb(sql, lines);
    postgres(sql, lines);
}

#[test]
fn copies_and_expressions() {
    both(
        r#"select o.id as order_id, amount * 2 as double, (status) as s, 1 as one, count(*) as n
           from "db"."main"."orders" o where customer_id > 3 group by 1"#,
        &[
            "order_id = copy orders.id",
            "double = of orders.amount",
            "s = copy orders.status",
            "one =",
            "n =",
            "rows by orders.customer_id, orders.id",
        ],
    );
}

#[test]
fn stars_through_common_table_expressions_and_joins() {
    both(
        "with o as (select * from db.main.orders), c as (select id as cid, name from customers)
         select o.*, c.name as customer from o left join c on o.customer_id = c.cid",
        &[
            "id = copy orders.id",
            "customer_id = copy orders.customer_id",
            "amount = copy orders.amount",
            "status = copy orders.status",
            "customer = copy customers.name",
            "rows by orders.customer_id, customers.id",
        ],
    );
    duckdb(
        "select * exclude (amount, status) replace (upper(email) as email) rename (name as n)
         from orders join customers using (id)",
        &[
            "id = copy orders.id",
            "customer_id = copy orders.customer_id",
            "n = copy customers.name",
            "email = of customers.email",
            "rows by orders.id, customers.id",
        ],
    );
}

#[test]
fn using_merges_columns_as_each_engine_does() {
    postgres(
        "select * from customers c full join (select amount, id from orders) o using (id)",
        &[
            "id = copy orders.id, copy customers.id",
            "name = copy customers.name",
            "email = copy customers.email",
            "amount = copy orders.amount",
            "rows by orders.id, customers.id",
        ],
    );
    let natural = "select * from (select amount, id from orders) o natural right join customers";
    let (amount, id) = ("amount = copy orders.amount", "id = copy customers.id");
    let rest = ["name = copy customers.name", "email = copy customers.email"];
    let rows = "rows by orders.id, customers.id";
    postgres(natural, &[id, amount, rest[0], rest[1], rows]);
    duckdb(natural, &[amount, id, rest[0], rest[1], rows]);
}

#[test]
fn set_operations() {
    both(
        "select id, name from customers union all select id, status from orders",
        &[
            "id = copy orders.id, copy customers.id",
            "name = copy orders.status, copy customers.name",
        ],
    );
    both(
        "select id from customers except select customer_id from orders where amount > 1",
        &["id = copy customers.id", "rows by orders.amount, orders.customer_id"],
    );
    duckdb(
        "select id, name from customers union all by name select status as name, amount from orders",
        &[
            "id = copy customers.id",
            "name = copy orders.status, copy customers.name",
            "amount = copy orders.amount",
        ],
    );
}

#[test]
fn subqueries_inside_of_expressions() {
    both(
        "select name, (select max(amount) from orders o where o.customer_id = c.id) as most,
                exists (select 1 from orders o where o.customer_id = c.id) as has
         from customers c where id in (select customer_id from orders)",
        &[
            "name = copy customers.name",
            "most = of orders.amount, of orders.customer_id, of customers.id",
            "has = of orders.customer_id, of customers.id",
            "rows by orders.customer_id, customers.id",
        ],
    );
}

#[test]
fn windows_with_and_without_names() {
    both(
        "select id, sum(amount) over (partition by customer_id) as total,
                row_number() over w as n
         from orders window w as (order by status)",
        &[
            "id = copy orders.id",
            "total = of orders.amount, of orders.customer_id",
            "n = of orders.status",
        ],
    );
    duckdb(
        "select id from orders qualify row_number() over (partition by customer_id order by id) = 1",
        &["id = copy orders.id", "rows by orders.customer_id, orders.id"],
    );
}

#[test]
fn recursive_expressions_reach_a_fixed_point() {
    both(
        "with recursive t(a, b, depth) as (
             select id, customer_id, 0 from orders
             union all
             select b, a, depth + 1 from t where depth < 5)
         select a, depth from t",
        &["a = copy orders.customer_id, copy orders.id", "depth ="],
    );
}

#[test]
fn names_of_each_engine() {
    postgres(r#"select "ID" from (select id as "ID", id from orders) x"#, &["ID = copy orders.id"]);
    duckdb(
        "select ID, upper(STATUS) as Status from orders",
        &["id = copy orders.id", "Status = of orders.status"],
    );
    duckdb(
        "select amount as a, a + 1 as b from orders where b > 1",
        &["a = copy orders.amount", "b = of orders.amount", "rows by orders.amount"],
    );
}

#[test]
fn from_first_and_structs_and_lambdas() {
    duckdb(
        "from customers",
        &["id = copy customers.id", "name = copy customers.name", "email = copy customers.email"],
    );
    duckdb(
        "from (select {'a': id, 'b': name} as s, [1, id] as l from customers)
         select s.a, s['b'] as b, list_transform(l, x -> x + 1) as m, name_of.s.a as c,
                l.list_sum() as n",
        &[
            "a = of customers.id, of customers.name",
            "b = of customers.id, of customers.name",
            "m = of customers.id",
            "c = ? no relation here has a column `name_of.s.a`",
            "n = of customers.id",
        ],
    );
    duckdb(
        "select email -> '$.a' as a, list_filter([name], lambda x: x = status) as b
         from customers, (select status from orders)",
        &["a = of customers.email", "b = of orders.status, of customers.name"],
    );
}

#[test]
fn columns_of_duckdb() {
    duckdb(
        "select min(columns('i')) from customers",
        &["id = of customers.id", "email = of customers.email"],
    );
    duckdb(
        "select columns(* exclude (id)) from customers",
        &["name = copy customers.name", "email = copy customers.email"],
    );
}

#[test]
fn what_is_not_known_is_passed_on_or_told() {
    both("select a, r.b + 1 as c from raw r", &["a = copy raw.a", "c = of raw.b"]);
    both("with x as (select * from raw) select y from x", &["y = copy raw.y"]);
    both("select * from raw", &["more = copy raw.*"]);
    both(
        "select a from raw, other",
        &["a = ? `a` may be a column of `raw` or `other`: their columns are not known"],
    );
    both("select id, b from raw join orders on true", &["id = copy orders.id", "b = copy raw.b"]);
    duckdb(
        "select lower(status) as status, status = 'x' as is_x from raw",
        &["status = of raw.status", "is_x = of raw.status"],
    );
    duckdb(
        "select lower(a) as b, b || 'x' as c from raw",
        &[
            "b = of raw.a",
            "c = ? `b` may be a column, or the alias: the columns of what is read are not known",
        ],
    );
    both("select nothing from orders", &["nothing = ? no relation here has a column `nothing`"]);
}

#[test]
fn relations_that_are_functions() {
    duckdb(
        "select i, g.range + 1 as r from orders, unnest([amount, id]) as u(i), range(5) g",
        &["i = of orders.amount, of orders.id", "r ="],
    );
    postgres(
        "select u, x.n from orders, unnest(array[amount]) as u, lateral (select status || u as n) x",
        &["u = of orders.amount", "n = of orders.amount, of orders.status"],
    );
    duckdb("select a from read_csv('x.csv')", &["a = copy read_csv('x.csv').a"]);
    duckdb("select a from 'x.parquet'", &["a = copy 'x.parquet'.a"]);
    postgres("select t.a from generate_series(1, 3) as t(a)", &["a ="]);
}

#[test]
fn pivots() {
    duckdb(
        "from orders pivot (sum(amount) for status in ('a', 'b'))",
        &[
            "id = copy orders.id",
            "customer_id = copy orders.customer_id",
            "a = of orders.amount, of orders.status",
            "b = of orders.amount, of orders.status",
        ],
    );
    duckdb(
        "select id, k, v from orders unpivot (v for k in (amount, status))",
        &["id = copy orders.id", "k =", "v = copy orders.amount, copy orders.status"],
    );
}

#[test]
fn values_and_limits() {
    both("select a, b from (values (1, 2), (3, 4)) as t(a, b)", &["a =", "b ="]);
    both(
        "select id from orders order by amount limit 3",
        &["id = copy orders.id", "rows by orders.amount"],
    );
    both("select id from orders order by amount", &["id = copy orders.id"]);
}

#[test]
fn what_is_no_query_is_told() {
    both("drop table x", &["it is no query"]);
    assert!(told("select from where", EngineKind::DuckDb).starts_with("its SQL cannot be read"));
}

#[test]
fn long_unions_end() {
    let sql = vec!["select id from orders"; 3000].join(" union all ");
    both(&sql, &["id = copy orders.id"]);
}

#[test]
fn deep_brackets_end() {
    let deep = format!("select {}id{} from orders", "(".repeat(5000), ")".repeat(5000));
    assert!(told(&deep, EngineKind::DuckDb).contains("nested"));
}

/// Pieces that statements are made of.
fn pieces() -> impl Strategy<Value = String> {
    let words = [
        "select",
        "from",
        "orders",
        "raw",
        "*",
        "(",
        ")",
        ",",
        "id",
        "as",
        "a",
        "join",
        "using",
        "on",
        "with",
        "union",
        "all",
        "by",
        "name",
        "group",
        "order",
        "1",
        "limit",
        "over",
        "exists",
        "x ->",
        "'s'",
        "columns",
        "exclude",
        "pivot",
        "for",
        "in",
        "unnest",
        "lateral",
        "values",
        ".",
        "t",
        "\"A\"",
        "case",
        "when",
        "then",
        "end",
        "recursive",
        "natural",
        "[",
        "]",
        "::",
        "=",
        "replace",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..40).prop_map(|all| all.join(" "))
}

proptest! {
    #[test]
    fn nothing_panics(sql in prop_oneof![".{0,80}", pieces()]) {
        told(&sql, EngineKind::DuckDb);
        told(&sql, EngineKind::Postgres);
    }
}

#[test]
fn an_expression_may_have_the_name_of_what_it_reads() {
    both(
        "with customers as (select id, upper(email) as email from db.main.customers)
         select email from customers",
        &["email = of customers.email"],
    );
}
