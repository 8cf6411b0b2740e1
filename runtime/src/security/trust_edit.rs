//! Changes to trust.toml that leave alone what people wrote into it: order, spelling and comments.
//!
//! Each change is made on a copy, which is read again from its text and takes the file's place only when it is right. So
//! no change can leave a file that does not state a policy.

use std::collections::BTreeSet;
use std::fmt;

use toml_edit::{Array, InlineTable, Item, Table, TableLike, Value};

use super::key::PublicKey;
use super::role::{Nickname, Role, RoleName};
use super::time_text::{parse_instant, utc_text};
use super::trust_file::{TrustFile, TrustFileError};
use super::trust_policy::{Grant, TrustMode};

impl TrustFile {
    /// Adds a direct grant, or changes the one with the same nickname.
    ///
    /// # Errors
    ///
    /// [`TrustFileError`] when the file would not be right then, for example because a role is not defined.
    pub fn put_grant(&mut self, grant: &Grant) -> Result<(), TrustFileError> {
        self.change(|top| {
            let entry = entry(top, "grants", grant.nickname.as_str());
            set(entry, "key", grant.key.to_string());
            set(entry, "roles", list(&grant.roles));
            let is_everything = grant.scope.iter().any(|pattern| pattern.as_str() == "**");
            set_or_remove(entry, "scope", (!is_everything).then(|| list(&grant.scope).into()));
            set_or_remove(entry, "not_before", grant.not_before_ns.and_then(instant));
            set_or_remove(entry, "expires", grant.expires_ns.and_then(instant));
        })
    }

    /// Removes the grant with this nickname. Says whether there was one.
    ///
    /// # Errors
    ///
    /// [`TrustFileError`] when the file would not be right then.
    pub fn remove_grant(&mut self, nickname: &Nickname) -> Result<bool, TrustFileError> {
        self.remove("grants", nickname.as_str())
    }

    /// Adds an anchor, or gives the one with this nickname another key.
    ///
    /// # Errors
    ///
    /// [`TrustFileError`] when the key cannot be believed by anybody.
    pub fn put_anchor(&mut self, nickname: &Nickname, key: PublicKey) -> Result<(), TrustFileError> {
        self.change(|top| set(section(top, "anchors"), nickname.as_str(), key.to_string()))
    }

    /// Removes the anchor with this nickname. Says whether there was one.
    ///
    /// # Errors
    ///
    /// [`TrustFileError`] when the file would not be right then.
    pub fn remove_anchor(&mut self, nickname: &Nickname) -> Result<bool, TrustFileError> {
        self.remove("anchors", nickname.as_str())
    }

    /// Adds a role, or changes what the holders of it may do.
    ///
    /// # Errors
    ///
    /// [`TrustFileError`] when the file would not be right then.
    pub fn put_role(&mut self, name: &RoleName, role: &Role) -> Result<(), TrustFileError> {
        self.change(|top| {
            let entry = entry(top, "roles", name.as_str());
            set(entry, "publish", list(&role.publish));
            set(entry, "serve", list(&role.serve));
            set(entry, "call", list(&role.call));
        })
    }

    /// Revokes a key from an instant on, in nanoseconds since 1970 and written in whole seconds. One that is revoked
    /// from an earlier instant on stays so.
    ///
    /// # Errors
    ///
    /// [`TrustFileError`] when the file would not be right then.
    pub fn revoke(&mut self, key: PublicKey, at_ns: i64) -> Result<(), TrustFileError> {
        if self.policy().revoked_at(key).is_some_and(|earlier| earlier <= at_ns) {
            return Ok(());
        }
        self.change(|top| set_or_remove(section(top, "revoked"), &key.to_string(), instant(at_ns)))
    }

    /// Changes the mode.
    ///
    /// # Errors
    ///
    /// [`TrustFileError`] when the file would not be right then.
    pub fn set_mode(&mut self, mode: TrustMode) -> Result<(), TrustFileError> {
        self.change(|top| set(top, "mode", mode.as_str()))
    }

    fn change(&mut self, change: impl FnOnce(&mut Table)) -> Result<(), TrustFileError> {
        let mut document = self.document.clone();
        change(document.as_table_mut());
        *self = Self::parse(&document.to_string())?;
        Ok(())
    }

    fn remove(&mut self, table: &str, name: &str) -> Result<bool, TrustFileError> {
        let entries = self.document.get(table).and_then(Item::as_table_like);
        let is_there = entries.is_some_and(|entries| entries.contains_key(name));
        if is_there {
            self.change(|top| {
                let _removed = section(top, table).remove(name);
            })?;
        }
        Ok(is_there)
    }
}

/// A table of the top level, made where there is none. A table that only holds tables has no header of its own.
fn section<'a>(top: &'a mut Table, name: &str) -> &'a mut dyn TableLike {
    let mut table = Table::new();
    table.set_implicit(matches!(name, "roles" | "grants"));
    let section = top.entry(name).or_insert(Item::Table(table));
    as_table(section)
}

/// An entry that is a table, made where there is none, in the way of the table around it.
fn entry<'a>(top: &'a mut Table, name: &str, entry: &str) -> &'a mut dyn TableLike {
    let is_inline = top.get(name).is_some_and(Item::is_inline_table);
    let new = if is_inline {
        Item::Value(Value::InlineTable(InlineTable::new()))
    } else {
        Item::Table(Table::new())
    };
    as_table(section(top, name).entry(entry).or_insert(new))
}

fn as_table(item: &mut Item) -> &mut dyn TableLike {
    if !item.is_table_like() {
        *item = Item::Table(Table::new());
    }
    item.as_table_like_mut().expect("it was made a table just now")
}

/// Sets a value. One that is there already keeps the comment beside it, and its spelling when it says the same.
fn set(table: &mut dyn TableLike, name: &str, value: impl Into<Value>) {
    let mut value = value.into();
    match table.get_mut(name).and_then(Item::as_value_mut) {
        Some(old) if says(old) == says(&value) => {}
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            table.insert(name, Item::Value(value));
        }
    }
}

fn set_or_remove(table: &mut dyn TableLike, name: &str, value: Option<Value>) {
    match value {
        Some(value) => set(table, name, value),
        None => {
            table.remove(name);
        }
    }
}

/// What a text, an instant or a list of texts says, in whatever way it is written.
fn says(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![parse_instant(text.value()).map_or_else(|| text.value().clone(), utc_text)],
        Value::Array(array) => array.iter().flat_map(says).collect(),
        other => vec![other.to_string().trim().to_owned()],
    }
}

fn list<T: fmt::Display>(items: &BTreeSet<T>) -> Array {
    items.iter().map(T::to_string).collect()
}

fn instant(time_ns: i64) -> Option<Value> {
    utc_text(time_ns).parse().ok()
}
