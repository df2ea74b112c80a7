//! What an expression is made of: every column that it names, also those of the queries inside of it.

use std::ops::ControlFlow;
use std::rc::Rc;

use sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    LambdaFunction, LambdaSyntax, Query, Subscript, Visit, Visitor, WindowSpec, WindowType,
};

use super::columns::is_columns;
use super::dialect::{fold, idents, same};
use super::made::{Made, Sign};
use super::query::Statement;
use super::scope::Scope;
use crate::config::EngineKind;

impl Statement<'_> {
    /// What an expression is made of. `star` is the column that `COLUMNS(…)` in it stands for.
    pub fn expression(&self, expr: &Expr, scope: &Scope<'_>, star: Option<&Rc<Made>>) -> Rc<Made> {
        match expr {
            Expr::Nested(inner) => self.expression(inner, scope, star),
            Expr::Identifier(name) => self.column(std::slice::from_ref(name), scope),
            Expr::CompoundIdentifier(parts) => self.column(parts, scope),
            Expr::Collate { expr, .. } => self.expression(expr, scope, star),
            Expr::Function(function) if is_columns(function) && star.is_some() => {
                star.cloned().unwrap_or_default()
            }
            Expr::Subquery(query) => {
                let rows = self.query(query, scope.ctes, Some(scope));
                let mut made = rows.filters.transformed();
                made.sign = made.sign.with(rows.sign);
                for column in &rows.columns {
                    made.or(&column.made);
                }
                Rc::new(made)
            }
            _ => {
                let mut made = self.visited(expr, scope, star);
                made.sign = Sign::written(expr).with(made.sign);
                Rc::new(made)
            }
        }
    }

    /// All that is named in a part of a statement.
    pub fn visited<V: Visit>(&self, part: &V, scope: &Scope<'_>, star: Option<&Rc<Made>>) -> Made {
        let mut walk = Walk {
            statement: self,
            scope,
            star,
            made: Made::default(),
            skipped: 0,
            parameters: Vec::new(),
            windows: 0,
        };
        let _all_of_it = part.visit(&mut walk);
        walk.made
    }
}

/// Goes through an expression.
struct Walk<'a> {
    statement: &'a Statement<'a>,
    scope: &'a Scope<'a>,
    star: Option<&'a Rc<Made>>,
    made: Made,
    /// How deep it is in what was looked at already.
    skipped: usize,
    /// Those of the lambdas around.
    parameters: Vec<String>,
    /// How many named windows were followed.
    windows: usize,
}

impl Walk<'_> {
    fn name(&mut self, parts: &[Ident]) {
        let kind = self.statement.kind;
        let first = fold(&parts[0], kind);
        if self.parameters.iter().any(|own| same(own, &first, kind)) {
            return;
        }
        let made = self.statement.column(parts, self.scope);
        self.made.add(&made);
    }

    /// `root.a.b[1].c`: the names in front are a column, the others lie inside of it.
    fn access(&mut self, root: &Expr, chain: &[AccessExpr]) {
        let mut rest = chain;
        match root {
            Expr::Identifier(first) => {
                let mut parts = vec![first.clone()];
                while let [AccessExpr::Dot(Expr::Identifier(next)), after @ ..] = rest {
                    parts.push(next.clone());
                    rest = after;
                }
                self.name(&parts);
            }
            root => {
                let _all_of_it = root.visit(self);
            }
        }
        for one in rest {
            let _all_of_it = match one {
                // Functions behind a dot, with what is in their brackets.
                AccessExpr::Dot(Expr::Function(function)) => function.args.visit(self),
                AccessExpr::Dot(_) => ControlFlow::Continue(()),
                AccessExpr::Subscript(Subscript::Index { index: Expr::Identifier(name) }) => {
                    self.name(std::slice::from_ref(name));
                    ControlFlow::Continue(())
                }
                AccessExpr::Subscript(subscript) => subscript.visit(self),
            };
        }
    }

    /// The window of a call, where it has a name.
    fn window(&mut self, window: &WindowType) {
        let name = match window {
            WindowType::NamedWindow(name) => Some(name),
            WindowType::WindowSpec(WindowSpec { window_name, .. }) => window_name.as_ref(),
        };
        if let Some(name) = name
            && let Some(spec) = self.statement.window(name, self.scope)
            && self.windows < 100
        {
            self.windows += 1;
            self.made.sign = self.made.sign.with(Sign::written(spec));
            let _all_of_it = spec.visit(self);
            if spec.window_name.is_some() {
                self.window(&WindowType::WindowSpec(spec.clone()));
            }
        }
    }

    fn call(&mut self, function: &Function) {
        if is_columns(function)
            && let Some(star) = self.star
        {
            self.made.add(star);
        }
        if let Some(window) = &function.over {
            self.window(window);
        }
        // DuckDB: `a.upper()` is `upper(a)`.
        if self.statement.kind == EngineKind::DuckDb
            && let Some(parts) = idents(&function.name)
            && parts.len() > 1
        {
            let parts: Vec<Ident> =
                parts[..parts.len() - 1].iter().map(|part| (*part).clone()).collect();
            let first = fold(&parts[0], self.statement.kind);
            if self.parameters.contains(&first) {
                return;
            }
            let made = self.statement.column(&parts, self.scope);
            // Otherwise it is the function's schema.
            if made.problems.is_empty() {
                self.made.add(&made);
            }
        }
        // `count(t.*)`, `struct_pack(*)`: whole rows.
        if let FunctionArguments::List(list) = &function.args {
            for arg in &list.args {
                let FunctionArg::Unnamed(arg) = arg else { continue };
                self.whole(arg, function);
            }
        }
    }

    fn whole(&mut self, arg: &FunctionArgExpr, function: &Function) {
        let is_count = function.name.to_string().eq_ignore_ascii_case("count");
        match arg {
            FunctionArgExpr::QualifiedWildcard(name) => {
                let qualifier: Option<Vec<String>> = idents(name).map(|parts| {
                    parts.iter().map(|part| fold(part, self.statement.kind)).collect()
                });
                let entry = qualifier
                    .and_then(|name| self.scope.from.entry(&name, self.statement.kind).cloned());
                if let Some(entry) = entry {
                    self.made.add(&entry.rows.whole());
                }
            }
            FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_)
                if !is_count && !is_columns(function) =>
            {
                for entry in &self.scope.from.entries {
                    self.made.add(&entry.rows.whole());
                }
            }
            _ => {}
        }
    }

    /// The parameters of a lambda; none where `a -> '$.b'` is the operator for JSON.
    fn lambda(&mut self, lambda: &LambdaFunction) {
        let names: Vec<Ident> =
            lambda.params.iter().map(|parameter| parameter.name.clone()).collect();
        if lambda.syntax == LambdaSyntax::Arrow
            && let [name] = names.as_slice()
            && !names_in(&lambda.body, &name.value)
        {
            self.name(std::slice::from_ref(name));
            self.parameters.push(String::new());
            return;
        }
        let kind = self.statement.kind;
        self.parameters.extend(names.iter().map(|name| fold(name, kind)));
    }
}

/// Whether an expression names something.
fn names_in(expr: &Expr, name: &str) -> bool {
    struct Finder<'a>(&'a str);
    impl Visitor for Finder<'_> {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let first = match expr {
                Expr::Identifier(first) => Some(first),
                Expr::CompoundIdentifier(parts) => parts.first(),
                Expr::Function(function) => {
                    idents(&function.name).filter(|parts| parts.len() > 1).map(|parts| parts[0])
                }
                _ => None,
            };
            match first {
                Some(first) if first.value.eq_ignore_ascii_case(self.0) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expr.visit(&mut Finder(name)).is_break()
}

impl Visitor for Walk<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if self.skipped > 0 {
            self.skipped += 1;
            return ControlFlow::Continue(());
        }
        match expr {
            Expr::Identifier(name) => self.name(std::slice::from_ref(name)),
            Expr::CompoundIdentifier(parts) => self.name(parts),
            Expr::CompoundFieldAccess { root, access_chain } => {
                self.access(root, access_chain);
                self.skipped = 1;
            }
            Expr::Function(function) => self.call(function),
            Expr::Lambda(lambda) => self.lambda(lambda),
            Expr::Exists { subquery, .. } => {
                let rows = self.statement.query(subquery, self.scope.ctes, Some(self.scope));
                self.made.add(&rows.filters);
                self.made.sign = self.made.sign.with(rows.sign);
                self.skipped = 1;
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if self.skipped > 0 {
            self.skipped -= 1;
            return ControlFlow::Continue(());
        }
        if let Expr::Lambda(lambda) = expr {
            let keep = self.parameters.len().saturating_sub(lambda.params.len());
            self.parameters.truncate(keep);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if self.skipped == 0 {
            let rows = self.statement.query(query, self.scope.ctes, Some(self.scope));
            self.made.add(&rows.whole());
            self.made.add(&rows.filters);
            self.made.sign = self.made.sign.with(rows.sign);
        }
        self.skipped += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.skipped -= 1;
        ControlFlow::Continue(())
    }
}
