//! Jinja2's filters for HTML: nothing of them touches SQL, but templates may have them.

use std::sync::LazyLock;

use minijinja::{Environment, Error, State, Value};
use regex::Regex;

use super::args::{bind, error, flag, iterate, opt_integer, required};
use super::dict::pairs_of;
use super::func::filter;
use super::repr;

/// Adds the filters.
pub(super) fn install(env: &mut Environment<'static>) {
    filter(env, "e", escape);
    filter(env, "escape", escape);
    filter(env, "forceescape", |_, args| {
        let [value] = bind("forceescape", ["value"], args)?;
        let value = required("forceescape", "value", value)?;
        Ok(Value::from_safe_string(escaped(&repr::py_str(&value))))
    });
    filter(env, "striptags", |_, args| {
        let [value] = bind("striptags", ["value"], args)?;
        Ok(without_tags(&repr::py_str(&required("striptags", "value", value)?)).into())
    });
    filter(env, "xmlattr", attributes);
    filter(env, "urlize", links);
}

/// A text with entities for what HTML reads as its own.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            _ => out.push(c),
        }
    }
    out
}

fn escape(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value] = bind("escape", ["s"], args)?;
    let value = required("escape", "s", value)?;
    if value.is_safe() {
        return Ok(value);
    }
    Ok(Value::from_safe_string(escaped(&repr::py_str(&value))))
}

/// The text between tags, its blanks as one space each, entities as what they stand for.
fn without_tags(text: &str) -> String {
    static MARKUP: LazyLock<[Regex; 2]> = LazyLock::new(|| {
        ["(?s)<!--.*?-->", "(?s)<.*?>"]
            .map(|markup| Regex::new(markup).expect("a constant pattern"))
    });
    let [comment, tag] = &*MARKUP;
    let text = comment.replace_all(text, "");
    let text = tag.replace_all(&text, "");
    unescaped(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn unescaped(text: &str) -> String {
    static ENTITY: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]+));")
            .expect("a constant pattern")
    });
    let meant = |found: &regex::Captures| {
        let code = match (found.get(1), found.get(2), found.get(3)) {
            (Some(decimal), ..) => decimal.as_str().parse().ok().and_then(char::from_u32),
            (_, Some(hex), _) => {
                u32::from_str_radix(hex.as_str(), 16).ok().and_then(char::from_u32)
            }
            (.., name) => match name.map_or("", |name| name.as_str()) {
                "amp" => Some('&'),
                "lt" => Some('<'),
                "gt" => Some('>'),
                "quot" => Some('"'),
                "apos" => Some('\''),
                "nbsp" => Some('\u{a0}'),
                _ => None,
            },
        };
        code.map_or_else(|| found[0].to_owned(), String::from)
    };
    ENTITY.replace_all(text, meant).into_owned()
}

/// `{'class': 'a'} | xmlattr`
fn attributes(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value, space] = bind("xmlattr", ["d", "autospace"], args)?;
    let mut out = Vec::new();
    for (key, value) in pairs_of(&required("xmlattr", "d", value)?)? {
        if value.is_none() || value.is_undefined() {
            continue;
        }
        let name = repr::py_str(&key);
        if name.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '>' | '=')) {
            let name = repr::py_repr(&key);
            return Err(error(format!("Invalid character in attribute name: {name}")));
        }
        out.push(format!("{}=\"{}\"", escaped(&name), escaped(&repr::py_str(&value))));
    }
    let spaced = !out.is_empty() && (space.is_none() || flag(&space));
    let space = if spaced { " " } else { "" };
    Ok(Value::from_safe_string(format!("{space}{}", out.join(" "))))
}

/// `text | urlize`: addresses become links.
fn links(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let names = ["value", "trim_url_limit", "nofollow", "target", "rel", "extra_schemes"];
    let [value, limit, nofollow, target, rel, schemes] = bind("urlize", names, args)?;
    let limit = opt_integer("urlize", &limit)?.and_then(|limit| usize::try_from(limit).ok());
    let given = |value: Option<Value>| {
        value.filter(|value| value.is_true()).map(|value| repr::py_str(&value))
    };
    let mut rel: Vec<String> =
        given(rel).unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    rel.push("noopener".to_owned());
    if flag(&nofollow) {
        rel.push("nofollow".to_owned());
    }
    rel.sort();
    rel.dedup();
    let mut more = format!(" rel=\"{}\"", escaped(&rel.join(" ")));
    if let Some(target) = given(target) {
        more += &format!(" target=\"{}\"", escaped(&target));
    }
    let schemes: Vec<String> = match schemes.filter(|schemes| !schemes.is_none()) {
        Some(schemes) => iterate(&schemes)?.iter().map(repr::py_str).collect(),
        None => Vec::new(),
    };
    let text = escaped(&repr::py_str(&required("urlize", "value", value)?));
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        let inner =
            bare.trim_start_matches(['(', '<']).trim_end_matches([')', '>', '.', ',', '\n']);
        let (head, tail) = bare.split_once(inner).unwrap_or((bare, ""));
        out.push_str(head);
        out.push_str(&link(inner, limit, &more, &schemes).unwrap_or_else(|| inner.to_owned()));
        out.push_str(tail);
        out.push_str(&word[bare.len()..]);
    }
    Ok(Value::from_safe_string(out))
}

fn link(word: &str, limit: Option<usize>, more: &str, schemes: &[String]) -> Option<String> {
    static ADDRESSES: LazyLock<[Regex; 2]> = LazyLock::new(|| {
        let web = r"(?ix)^(?:
            (?:https?://|www\.)(?:[\w%-]+\.)*(?:[a-z]{2,63}|xn--[\w%]{2,59})
            |(?:[\w%-]{2,63}\.)+(?:com|net|int|edu|gov|org|info|mil)
            |https?://(?:\d{1,3}(?:\.\d{1,3}){3}|\[[\da-f:]{4,}\])
        )(?::\d{1,5})?(?:[/?\#]\S*)?$";
        let mail = r"^\S+@\w[\w.-]*\.\w+$";
        [web, mail].map(|pattern| Regex::new(pattern).expect("a constant pattern"))
    });
    let [web, mail] = &*ADDRESSES;
    if web.is_match(word) {
        let shown = match limit {
            Some(limit) if word.chars().count() > limit => {
                word.chars().take(limit).collect::<String>() + "..."
            }
            _ => word.to_owned(),
        };
        let scheme = if word.starts_with("http://") || word.starts_with("https://") {
            ""
        } else {
            "https://"
        };
        return Some(format!("<a href=\"{scheme}{word}\"{more}>{shown}</a>"));
    }
    if let Some(address) = word.strip_prefix("mailto:").filter(|address| mail.is_match(address)) {
        return Some(format!("<a href=\"{word}\">{address}</a>"));
    }
    if !word.starts_with("www.")
        && !word.starts_with('@')
        && !word.contains(':')
        && mail.is_match(word)
    {
        return Some(format!("<a href=\"mailto:{word}\">{word}</a>"));
    }
    let own = schemes.iter().any(|scheme| word != scheme && word.starts_with(scheme.as_str()));
    own.then(|| format!("<a href=\"{word}\"{more}>{word}</a>"))
}
