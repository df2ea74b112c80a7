//! The names of a copy's indexes: one has its name to itself in a schema, so they bear names of their own until
//! the original is gone.

/// The indexes of a copy: the name that each has, and that of the original's.
#[derive(Debug, Clone, Default)]
pub struct IndexNames(pub(super) Vec<(String, String)>);

impl IndexNames {
    /// A name for the copy of an index, the same each time.
    pub(super) fn add(&mut self, name: &str) -> String {
        if let Some((made, _)) = self.0.iter().find(|(_, original)| original == name) {
            return made.clone();
        }
        let made = format!("pintail_copy_{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
        self.0.push((made.clone(), name.to_owned()));
        made
    }

    /// The name that an index has once its table stands in the original's place.
    pub(super) fn original<'a>(&'a self, name: &'a str) -> &'a str {
        let found = self.0.iter().find(|(made, _)| made == name);
        found.map_or(name, |(_, original)| original)
    }
}
