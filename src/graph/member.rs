//! One view of what a DAG can hold: nodes, sources and exposures.
//!
//! Look-ups only; it never owns or changes anything.

use crate::diagnostic::Location;
use crate::manifest::{Exposure, Node, NodeConfig, ResourceType, SemanticEntity, Source, UniqueId};

/// A node, a source or an exposure.
#[derive(Debug, Clone, Copy)]
pub enum Member<'m> {
    Node(&'m Node),
    Source(&'m Source),
    Exposure(&'m Exposure),
    Semantic(&'m SemanticEntity),
}

macro_rules! each {
    ($self:ident, $one:ident => $value:expr) => {
        match $self {
            Member::Node($one) => $value,
            Member::Source($one) => $value,
            Member::Exposure($one) => $value,
            Member::Semantic($one) => $value,
        }
    };
}

impl<'m> Member<'m> {
    /// dbt's `unique_id`.
    pub fn unique_id(self) -> &'m UniqueId {
        each!(self, one => &one.unique_id)
    }

    /// Its name; a source's is the table's.
    pub fn name(self) -> &'m str {
        each!(self, one => &one.name)
    }

    /// What `ls --output name` shows.
    pub fn search_name(self) -> String {
        match self {
            Member::Source(source) => format!("{}.{}", source.source_name, source.name),
            Member::Node(node) => node.search_name().into_owned(),
            other => other.name().to_owned(),
        }
    }

    /// What `ls` shows: a selector that names it alone.
    pub fn selector(self) -> String {
        match self {
            Member::Node(node) => match &node.unit_test {
                Some(test) => {
                    format!("unit_test:{}.{}", node.package_name, test.versioned_name(&node.name))
                }
                None => node.fqn.join("."),
            },
            Member::Source(source) => {
                format!("source:{}.{}.{}", source.package_name, source.source_name, source.name)
            }
            Member::Exposure(exposure) => {
                format!("exposure:{}.{}", exposure.package_name, exposure.name)
            }
            Member::Semantic(entity) => {
                format!("{}:{}.{}", entity.kind.as_str(), entity.package_name, entity.name)
            }
        }
    }

    /// The package that defines it.
    pub fn package_name(self) -> &'m str {
        each!(self, one => &one.package_name)
    }

    /// Its kind.
    pub fn resource_type(self) -> ResourceType {
        match self {
            Member::Node(node) => node.resource_type,
            Member::Source(_) => ResourceType::Source,
            Member::Exposure(_) => ResourceType::Exposure,
            Member::Semantic(entity) => entity.kind,
        }
    }

    /// Package, folders and name.
    pub fn fqn(self) -> &'m [String] {
        each!(self, one => &one.fqn)
    }

    /// Its tags.
    pub fn tags(self) -> &'m [String] {
        each!(self, one => &one.tags)
    }

    /// Its configuration.
    pub fn config(self) -> &'m NodeConfig {
        each!(self, one => &one.config)
    }

    /// Relative to its project's root.
    pub fn original_file_path(self) -> &'m str {
        each!(self, one => &one.original_file_path)
    }

    /// The YAML file that describes a node, without the package before `://`.
    pub fn patch_file(self) -> Option<&'m str> {
        match self {
            Member::Node(node) => node.patch_path.as_deref()?.split_once("://").map(|p| p.1),
            _ => None,
        }
    }

    /// The engine that it lives on.
    pub fn engine(self) -> Option<&'m str> {
        match self {
            Member::Node(node) => Some(&node.engine),
            Member::Source(source) => Some(&source.engine),
            Member::Exposure(_) | Member::Semantic(_) => None,
        }
    }

    /// What it reads.
    pub fn depends_on(self) -> &'m [UniqueId] {
        match self {
            Member::Node(node) => &node.depends_on,
            Member::Source(_) => &[],
            Member::Exposure(exposure) => &exposure.depends_on,
            Member::Semantic(entity) => &entity.depends_on,
        }
    }

    /// Where it begins.
    pub fn location(self) -> Option<&'m Location> {
        each!(self, one => one.location.as_ref())
    }

    /// The node, where it is one.
    pub fn node(self) -> Option<&'m Node> {
        match self {
            Member::Node(node) => Some(node),
            _ => None,
        }
    }
}
