//! The files of the site: the page, its script and style, the data. Written as a folder beside
//! index.html, or all of them in one file.

use std::path::Path;

use rust_embed::RustEmbed;
use serde_json::Value;

use super::{Inputs, Pages, detail, index, past};
use crate::diagnostic::{Diagnostic, Result};

/// The folder beside index.html.
const FOLDER: &str = "site";

const PAGE: &str = include_str!("page.html");

/// Reads the data and the program once the page's frame is painted, that is with the frame after the first one; a page
/// in the background paints none.
const LOADER: &str = r#"<script>
let begun = false;
const begin = () => {
  if (begun) return;
  begun = true;
  for (const src of ["site/data/index.js", "site/app.js"]) {
    const script = document.createElement("script");
    script.src = src;
    script.async = false;
    document.head.append(script);
  }
};
requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(begin)));
setTimeout(begin, 150);
</script>"#;

/// What `npm run build` made of `docs-site/`.
#[derive(RustEmbed)]
#[folder = "src/docs/assets"]
#[include = "*.js"]
#[include = "*.css"]
struct Assets;

/// A site that is ready to be written.
pub struct Site {
    title: String,
    /// Names and texts; `index` comes first.
    data: Vec<(String, String)>,
}

impl Site {
    /// Makes the data of a site.
    pub fn new(inputs: &Inputs<'_>) -> Site {
        let pages = Pages::new(inputs);
        let (details, starts) = detail::chunks(&pages);
        let texts = [
            ("index", index::index(&pages, &starts)),
            ("search", index::search(&pages)),
            ("sql", index::sql(&pages)),
        ];
        let mut data: Vec<(String, String)> =
            texts.map(|(name, value)| (name.to_owned(), value.to_string())).into();
        let details = details.into_iter().enumerate();
        data.extend(details.map(|(at, chunk)| (format!("nodes-{at}"), chunk)));
        data.extend(past::files(&pages).into_iter().map(|(name, it)| (name, it.to_string())));
        let call = |(name, value): (String, String)| {
            let text = format!("pintail({},{value})\n", Value::String(name.clone()));
            (name, text)
        };
        let title = inputs.manifest.project_name.clone();
        Site { title, data: data.into_iter().map(call).collect() }
    }

    /// The data files: `index`, `nodes-0`, … and what is in them.
    pub fn data(&self) -> impl Iterator<Item = (&str, &str)> {
        self.data.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Writes index.html and the folder `site` into a folder; an earlier site's files go.
    ///
    /// # Errors
    /// `UNWRITABLE` with the system's reason.
    pub fn write(&self, target: &Path) -> Result<()> {
        let folder = target.join(FOLDER);
        let data = folder.join("data");
        if data.exists() {
            std::fs::remove_dir_all(&data).map_err(|error| unwritable(&data, &error))?;
        }
        std::fs::create_dir_all(&data).map_err(|error| unwritable(&data, &error))?;
        for (name, text) in &self.data {
            write(&data.join(format!("{name}.js")), text)?;
        }
        for name in Assets::iter() {
            write(&folder.join(&*name), &asset(&name))?;
        }
        let style = format!("<link rel=\"stylesheet\" href=\"{FOLDER}/app.css\">");
        write(&target.join("index.html"), &self.page(&style, LOADER))
    }

    /// Writes everything into one file.
    ///
    /// # Errors
    /// `UNWRITABLE` with the system's reason.
    pub fn write_single(&self, path: &Path) -> Result<()> {
        // Nothing in a script element may look like the end of it, or like a comment. In data `<` is in
        // texts only.
        let script = |text: &str| format!("<script>{text}</script>\n");
        let style = format!("<style>{}</style>", asset("app.css"));
        let mut scripts: String =
            self.data.iter().map(|(_, text)| script(&text.replace('<', "\\u003c"))).collect();
        let code = asset("app.js").replace("</script", "<\\/script").replace("<!--", "<\\!--");
        scripts.push_str(&script(&code));
        write(path, &self.page(&style, &scripts))
    }

    fn page(&self, head: &str, body: &str) -> String {
        let title: String = self.title.replace('&', "&amp;").replace('<', "&lt;");
        // What is put in last cannot be taken for a place of something else.
        PAGE.replace("<!-- title -->", &title).replacen("<!-- head -->", head, 1).replacen(
            "<!-- body -->",
            body,
            1,
        )
    }
}

fn asset(name: &str) -> String {
    let file = Assets::get(name).map(|file| file.data);
    file.map(|data| String::from_utf8_lossy(&data).into_owned()).unwrap_or_default()
}

/// Copies the files of a folder into another one, which is emptied first.
///
/// # Errors
/// `UNWRITABLE` with the system's reason.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        std::fs::remove_dir_all(to).map_err(|error| unwritable(to, &error))?;
    }
    for entry in walkdir::WalkDir::new(from).into_iter().flatten() {
        let Ok(relative) = entry.path().strip_prefix(from) else { continue };
        let place = to.join(relative);
        let copied = if entry.file_type().is_dir() {
            std::fs::create_dir_all(&place)
        } else {
            std::fs::copy(entry.path(), &place).map(|_| ())
        };
        copied.map_err(|error| unwritable(&place, &error))?;
    }
    Ok(())
}

/// The error of a file that cannot be written.
pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unwritable(path, error)
            .help("Check the folder's permissions and the space left on the disk."),
    )
}

/// Writes a file.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| unwritable(path, &error))
}
