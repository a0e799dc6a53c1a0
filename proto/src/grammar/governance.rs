//! Grammar of the registry's public messages and of the subjects of sealed governance. Roles: `specs/registry.md`.

use super::*;

fn key_and_proof(key: &[u8], proof: &[u8]) -> Checked {
    hash("key", key)?;
    exact("proof", proof, SIGNATURE_BYTES, "64")
}

fn list(version: &str, items: &[ListItem]) -> Checked {
    some("version", version.len(), 64)?;
    some("items", items.len(), LIST_ITEMS_MAX)?;
    items.iter().try_for_each(|item| some("code", item.code.len(), 64))
}

impl Grammar for LogCreated {
    const NAME: &'static str = "LogCreated";
    fn check(&self) -> Checked {
        origin(&self.origin)?;
        hash("root_actor", &self.root_actor)?;
        hash("root_key", &self.root_key)?;
        hash("log_key", &self.log_key)?;
        hash("recovery_actor", &self.recovery_actor)?;
        hash("recovery_key", &self.recovery_key)?;
        some("ministry", self.ministry.len(), ORIGIN_BYTES_MAX)
    }
}

impl Grammar for ActorRegistered {
    const NAME: &'static str = "ActorRegistered";
    fn check(&self) -> Checked {
        hash("actor", &self.actor)?;
        if self.actor.iter().all(|byte| *byte == 0) {
            // The id under which a log key proves its possession.
            return Err(GrammarError::Value { field: "actor", found: 0 });
        }
        some("name", self.name.len(), ORIGIN_BYTES_MAX)?;
        match stated::<Role>("role", self.role)? {
            // Both are named by genesis, and only there.
            Role::Root | Role::Recovery => Err(GrammarError::Value { field: "role", found: self.role as u64 }),
            _ => Ok(()),
        }
    }
}

impl Grammar for KeyAdded {
    const NAME: &'static str = "KeyAdded";
    fn check(&self) -> Checked {
        hash("actor", &self.actor)?;
        key_and_proof(&self.key, &self.proof)
    }
}

impl Grammar for KeyPossession {
    const NAME: &'static str = "KeyPossession";
    fn check(&self) -> Checked {
        origin(&self.origin)?;
        hash("actor", &self.actor)?;
        hash("key", &self.key)
    }
}

impl Grammar for KeyRetired {
    const NAME: &'static str = "KeyRetired";
    fn check(&self) -> Checked {
        hash("key", &self.key)
    }
}

impl Grammar for KeyRevoked {
    const NAME: &'static str = "KeyRevoked";
    fn check(&self) -> Checked {
        hash("key", &self.key)?;
        stated::<RevocationReason>("reason", self.reason).map(|_| ())
    }
}

impl Grammar for ArchiveKeyAdded {
    const NAME: &'static str = "ArchiveKeyAdded";
    fn check(&self) -> Checked {
        stated::<ArchiveAlgorithm>("algorithm", self.algorithm)?;
        exact("public_key", &self.public_key, 1_216, "1216")?;
        some("name", self.name.len(), ORIGIN_BYTES_MAX)
    }
}

impl Grammar for ArchiveKeyRetired {
    const NAME: &'static str = "ArchiveKeyRetired";
    fn check(&self) -> Checked {
        hash("archive_key", &self.archive_key)
    }
}

impl Grammar for LogKeyChanged {
    const NAME: &'static str = "LogKeyChanged";
    fn check(&self) -> Checked {
        key_and_proof(&self.log_key, &self.proof)
    }
}

impl Grammar for RootKeyChanged {
    const NAME: &'static str = "RootKeyChanged";
    fn check(&self) -> Checked {
        key_and_proof(&self.root_key, &self.proof)
    }
}

impl Grammar for PolicySet {
    const NAME: &'static str = "PolicySet";
    fn check(&self) -> Checked {
        some("name", self.name.len(), 64)?;
        at_most("value", self.value.len(), 4_096)
    }
}

impl Grammar for ClassListPublished {
    const NAME: &'static str = "ClassListPublished";
    fn check(&self) -> Checked {
        list(&self.version, &self.items)
    }
}

impl Grammar for GroundsListPublished {
    const NAME: &'static str = "GroundsListPublished";
    fn check(&self) -> Checked {
        list(&self.version, &self.items)
    }
}

impl Grammar for WitnessPolicySet {
    const NAME: &'static str = "WitnessPolicySet";
    fn check(&self) -> Checked {
        some("policy", self.policy.len(), 16 * 1024)
    }
}

impl Grammar for LogRecovered {
    const NAME: &'static str = "LogRecovered";
    fn check(&self) -> Checked {
        hash("last_root", &self.last_root)?;
        some("account", self.account.len(), 4_096)
    }
}

impl Grammar for ExportSubject {
    const NAME: &'static str = "ExportSubject";
    fn check(&self) -> Checked {
        hash("export", &self.export)?;
        at_most("case", self.case.len(), ORIGIN_BYTES_MAX)?;
        some("recipient", self.recipient.len(), NAME_BYTES_MAX)?;
        at_most("nonce", self.nonce.len(), ORIGIN_BYTES_MAX)?;
        hash_or_none("manifest", &self.manifest)?;
        self.scope.as_ref().ok_or(GrammarError::Missing { field: "scope" })?.check()
    }
}

impl Grammar for RedactionSubject {
    const NAME: &'static str = "RedactionSubject";
    fn check(&self) -> Checked {
        hash("manifest", &self.manifest)?;
        positive("parts", self.parts.into())?;
        if self.part >= self.parts {
            return Err(GrammarError::Value { field: "part", found: self.part.into() });
        }
        some("decision", self.decision.len(), ORIGIN_BYTES_MAX)
    }
}

impl Grammar for RedactionItem {
    const NAME: &'static str = "RedactionItem";
    fn check(&self) -> Checked {
        at_most("position", self.position as usize, BATCH_EVENTS_MAX - 1)?;
        let end = u64::from(self.first_item) + u64::from(self.item_count);
        at_most("first_item", end as usize, LIST_ITEMS_MAX)?;
        if self.item_count == 0 && self.first_item != 0 {
            return Err(GrammarError::Surplus { field: "first_item", reason: "the slot is covered as a whole" });
        }
        if self.slot == 0 && self.item_count != 0 {
            return Err(GrammarError::Surplus { field: "item_count", reason: "the event is withheld as a whole" });
        }
        some("grounds", self.grounds.len(), GROUNDS_MAX)?;
        self.grounds.iter().try_for_each(|ground| some("ground", ground.len(), 64))
    }
}

impl Grammar for ManifestRun {
    const NAME: &'static str = "ManifestRun";
    fn check(&self) -> Checked {
        positive("count", self.count)?;
        stated::<RecordFate>("fate", self.fate).map(|_| ())
    }
}

impl Grammar for ManifestDetail {
    const NAME: &'static str = "ManifestDetail";
    fn check(&self) -> Checked {
        hash("manifest", &self.manifest)?;
        hash("file_sha256", &self.file_sha256)?;
        positive("parts", self.parts.into())?;
        if self.part >= self.parts {
            return Err(GrammarError::Value { field: "part", found: self.part.into() });
        }
        at_most("file_name", self.file_name.len(), NAME_BYTES_MAX)
    }
}

/// Messages whose fields may all be empty, or are free text within the limit of their slot.
macro_rules! free {
    ($($message:ident),*) => { $(
        impl Grammar for $message {
            const NAME: &'static str = stringify!($message);
            fn check(&self) -> Checked { Ok(()) }
        }
    )* };
}

free!(
    ChatDetail,
    ReadoutDetail,
    ReadoutChat,
    GapDetail,
    Account,
    IntakeSubject,
    CustodySubject,
    LinkSubject,
    SelectionSubject
);
