//! Stage 5: from the model to one Rust text, a module for each package.

mod check;
mod default;
mod docs;
mod enumeration;
mod ident;
mod interface;
mod json_schema;
mod message;
mod serde;
mod writer;

use std::collections::{BTreeMap, HashMap};

pub(crate) use self::check::fits;
pub(crate) use self::ident::is_keyword;
use self::writer::Writer;
use crate::ast::Span;
use crate::compile::Interfaces;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::facts::{Facts, facts};
use crate::model::{Action, InterfaceKind, Message, Service, TypeName};
use crate::source::lines;

/// How many bytes a message may take on the stack; threads have two mebibytes.
const MAX_SIZE: usize = 512 * 1024;

/// Generated code answers to the lints of this crate, not to those of the crate that includes it.
const ALLOWED: &str = "#[allow(missing_docs, unused_imports, unreachable_pub, unused_qualifications, clippy::all, \
    clippy::pedantic, clippy::nursery, clippy::restriction, reason = \"generated code\")]";

/// Where the generated text will live, and where the types are that it refers to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The path of the crate `nuncio-msgs` in the generated text, such as `::nuncio_msgs`.
    pub crate_path: String,
    /// The module below the crate root that includes the text, such as `interfaces`; empty for the root itself.
    pub module: String,
    /// The packages that other crates have, with the path that they have there, such as `::nuncio_msgs`. All other
    /// packages are generated.
    pub upstream: BTreeMap<String, String>,
    /// Packages that are known and have no types here, because a Cargo feature is off, each with the words that say
    /// how to turn it on.
    pub off: BTreeMap<String, String>,
    /// Whether services get a type of their event, too, which ROS 2's introspection sends: `SetBoolEvent` beside
    /// `SetBoolRequest`. It refers to the package `service_msgs`.
    pub service_events: bool,
}

/// Writes the Rust types of all packages that are not upstream.
///
/// # Errors
///
/// What the interface language allows and Rust does not: names that become equal, arrays too large for the stack.
pub fn emit(interfaces: &Interfaces, target: &Target) -> Result<String, Diagnostics> {
    let emitter = Emitter {
        interfaces,
        target,
        facts: facts(interfaces.messages()),
    };
    let modules = emitter.modules();
    let problems = emitter.problems(&modules);
    if !problems.is_empty() {
        return Err(Diagnostics::new(problems, 0));
    }
    let mut writer = Writer::default();
    for (package, kinds) in &modules {
        emitter.package(&mut writer, package, kinds);
    }
    emitter.lists(&mut writer, &modules);
    Ok(writer.finish())
}

/// What stands in the module of one kind of a package, by name.
type Items<'a> = BTreeMap<&'a TypeName, Item<'a>>;

/// The packages that are generated, and in each its kinds.
type Modules<'a> = BTreeMap<&'a str, BTreeMap<InterfaceKind, Items<'a>>>;

#[derive(Clone, Copy, Debug)]
enum Item<'a> {
    Message(&'a Message),
    Service(&'a Service),
    Action(&'a Action),
}

/// What every part of the emission needs to know.
struct Emitter<'a> {
    interfaces: &'a Interfaces,
    target: &'a Target,
    facts: HashMap<&'a TypeName, Facts>,
}

impl<'a> Emitter<'a> {
    fn modules(&self) -> Modules<'a> {
        let interfaces = self.interfaces;
        let (services, actions) = (interfaces.services(), interfaces.actions());
        let events = self.target.service_events;
        let of_service = |service: &'a Service| {
            [
                Item::Service(service),
                Item::Message(&service.request),
                Item::Message(&service.response),
            ]
            .into_iter()
            .chain(events.then_some(Item::Message(&service.event)))
        };
        let of_action = |action: &'a Action| {
            [&action.goal, &action.result, &action.feedback, &action.feedback_message]
                .map(Item::Message)
                .into_iter()
                .chain([Item::Action(action)])
                .chain(of_service(&action.send_goal))
                .chain(of_service(&action.get_result))
        };
        let plain = interfaces
            .messages()
            .iter()
            .filter(|message| message.type_name.kind == InterfaceKind::Msg);
        let items = plain
            .filter(|message| interfaces.path(&message.type_name).is_some())
            .map(Item::Message)
            .chain(services.iter().flat_map(of_service))
            .chain(actions.iter().flat_map(of_action));
        let mut modules = Modules::new();
        for item in items {
            let name = item.type_name();
            if !self.target.upstream.contains_key(&name.package) && !self.target.off.contains_key(&name.package) {
                let kinds = modules.entry(&name.package).or_default();
                kinds.entry(name.kind).or_default().insert(name, item);
            }
        }
        modules
    }

    fn problems(&self, modules: &Modules<'a>) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        let problem = |name: &TypeName, message: String, help: &str| {
            Diagnostic::about(self.interfaces.path(name).unwrap_or_default(), message, help)
        };
        for items in modules.values().flat_map(BTreeMap::values) {
            let mut names: BTreeMap<String, String> = BTreeMap::new();
            let mut name_twice = |owner: &TypeName, what: String, rust_name: String| {
                let message = names
                    .get(&rust_name)
                    .map(|other| format!("{what} and {other} are both named `{rust_name}` in Rust"));
                names.insert(rust_name, what);
                message.map(|message| problem(owner, message, "rename one of them"))
            };
            for (name, item) in items {
                problems.extend(name_twice(name, format!("`{name}`"), ident::upper(name)));
                let Item::Message(message) = item else { continue };
                for enumeration in enumeration::enumerations(message) {
                    problems.extend(name_twice(name, enumeration.to_string(), enumeration.type_name()));
                }
                let size = self.facts(name).size;
                if size > MAX_SIZE {
                    let message = format!("`{name}` takes {size} bytes on the stack");
                    let help = "at most 524288 are allowed; make a large array `T[N]` a sequence `T[<=N]`";
                    problems.push(problem(name, message, help));
                }
                problems.extend(message.references().filter_map(|to| self.switched_off(name, to)));
                for missing in message.references().filter(|name| self.interfaces.path(name).is_none()) {
                    let message = format!("`{name}` needs `{missing}`, and no package has it");
                    let help = "depend on the crate nuncio-msgs, or add the package";
                    problems.push(problem(name, message, help));
                }
            }
        }
        problems
    }

    /// What is wrong when `from` refers to a type whose package has no types.
    fn switched_off(&self, from: &TypeName, to: &TypeName) -> Option<Diagnostic> {
        let switch = self.target.off.get(&to.package)?;
        let (path, text) = self.interfaces.file(from)?;
        let message = format!("`{from}` needs `{to}`, and the package `{}` is off", to.package);
        Some(Diagnostic::in_text(
            path,
            text,
            mention(text, &to.package),
            message,
            switch,
        ))
    }

    fn package(&self, writer: &mut Writer, package: &str, kinds: &BTreeMap<InterfaceKind, Items<'a>>) {
        writer.line(&format!("/// The interfaces of the ROS 2 package `{package}`."));
        writer.line(ALLOWED);
        writer.open(&format!("pub mod {} {{", ident::lower(package)));
        for (kind, items) in kinds {
            let what = match kind {
                InterfaceKind::Msg => "Messages",
                InterfaceKind::Srv => "Services, with their requests and responses",
                InterfaceKind::Action => "Actions, with the messages and services that they are made of",
            };
            writer.line(&format!("/// {what}."));
            writer.open(&format!("pub mod {kind} {{"));
            for (name, item) in items {
                match item {
                    Item::Message(message) => self.message(writer, message),
                    Item::Service(service) => self.service(writer, service),
                    Item::Action(action) => self.action(writer, action),
                }
                let last = items.last_key_value().is_some_and(|(last, _)| last == name);
                if !last {
                    writer.line("");
                }
            }
            writer.close("}");
        }
        writer.close("}");
        writer.line("");
    }

    /// The macros that list every type, and the texts of all files.
    fn lists(&self, writer: &mut Writer, modules: &Modules<'a>) {
        let items = || modules.values().flat_map(BTreeMap::values).flatten();
        let list = |writer: &mut Writer, what: &str, pick: fn(&Item<'_>) -> bool| {
            writer.line(&format!(
                "/// Calls `$callback! {{ path, path, … }}` with the paths of all {what} types of this crate."
            ));
            writer.line("#[macro_export]");
            writer.open(&format!("macro_rules! for_each_{what} {{"));
            writer.open("($($callback:tt)+) => {");
            writer.open("$($callback)+! {");
            for (name, _) in items().filter(|(_, item)| pick(item)) {
                let module = match self.target.module.as_str() {
                    "" => String::new(),
                    module => format!("{module}::"),
                };
                writer.line(&format!("$crate::{module}{},", self.path_in_crate(name)));
            }
            writer.close("}");
            writer.close("};");
            writer.close("}");
            writer.line("");
        };
        list(writer, "message", |item| matches!(item, Item::Message(_)));
        list(writer, "service", |item| matches!(item, Item::Service(_)));
        list(writer, "action", |item| matches!(item, Item::Action(_)));

        let root = &self.target.crate_path;
        writer.line("/// The text of every schema file that this crate's types are made of, by type name.");
        writer.line(ALLOWED);
        writer.open(&format!("pub const SCHEMAS: &[{root}::Definition] = &["));
        for (name, text) in self
            .interfaces
            .files()
            .filter(|(name, _)| !self.target.upstream.contains_key(&name.package))
        {
            if self.target.off.contains_key(&name.package) {
                writer.line(&format!(
                    "{root}::Definition {{ type_name: \"{name}\", text: {text:?} }},"
                ));
                continue;
            }
            let (first, role) = match name.kind {
                InterfaceKind::Msg => (self.path_in_crate(name), "Message"),
                InterfaceKind::Srv => (self.path_in_crate(name), "Service"),
                InterfaceKind::Action => (self.path_in_crate(name), "Action"),
            };
            writer.line(&format!("<{first} as {root}::{role}>::DEFINITION,"));
        }
        writer.close("];");
    }

    fn facts(&self, name: &TypeName) -> Facts {
        self.facts.get(name).copied().unwrap_or_default()
    }

    /// `geometry_msgs::msg::Twist`
    fn path_in_crate(&self, name: &TypeName) -> String {
        format!("{}::{}::{}", ident::lower(&name.package), name.kind, ident::upper(name))
    }

    /// The path of a type, as code in the module of `from` writes it.
    fn path(&self, from: &TypeName, to: &TypeName) -> String {
        match self.target.upstream.get(&to.package) {
            Some(upstream) => format!("{upstream}::{}", self.path_in_crate(to)),
            None if from.package == to.package && from.kind == to.kind => ident::upper(to),
            None => format!("super::super::{}", self.path_in_crate(to)),
        }
    }
}

/// Where a file first names a package, its comments aside.
fn mention(text: &str, package: &str) -> Span {
    let found = lines(text).enumerate().find_map(|(index, line)| {
        let code = line.split(['#', '"']).next().unwrap_or_default();
        let start = code.find(package)?;
        Some(Span {
            line: index + 1,
            start,
            end: start + package.len(),
        })
    });
    found.unwrap_or_default()
}

impl<'a> Item<'a> {
    fn type_name(self) -> &'a TypeName {
        match self {
            Self::Message(message) => &message.type_name,
            Self::Service(service) => &service.type_name,
            Self::Action(action) => &action.type_name,
        }
    }
}
