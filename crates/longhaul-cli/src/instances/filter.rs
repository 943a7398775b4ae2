//! Which instances a command is about.

use clap::Args;
use jiff::Timestamp;

use super::failure::Failure;
use super::model::{Instance, Status};
use super::time::{point_from_now, shown};

/// What instances can be told apart by.
#[derive(Args, Debug, Clone, Default)]
pub struct Filter {
    /// Only those in one of these states; repeated, or separated by commas
    #[arg(long, value_name = "STATUS", value_delimiter = ',', ignore_case = true)]
    pub status: Vec<Status>,

    /// Only those of this orchestrator function
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// Only those whose ids begin with this
    #[arg(long, value_name = "PREFIX")]
    pub id_prefix: Option<String>,

    /// Only those created at this time or later: 2026-11-24T10:00:00Z, 2026-11-24 (UTC), or how long ago, such as 2h
    #[arg(long, visible_alias = "since", value_name = "TIME", value_parser = point_from_now)]
    pub created_from: Option<Timestamp>,

    /// Only those created at this time or earlier
    #[arg(long, visible_alias = "until", value_name = "TIME", value_parser = point_from_now)]
    pub created_to: Option<Timestamp>,
}

impl Filter {
    /// The parameters of the API that say so. Servers other than Longhaul ignore `name`, and old ones
    /// `instanceIdPrefix`: see [`Filter::admits`].
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let statuses: Vec<_> = self.status.iter().map(Status::name).collect();
        let statuses = Some(statuses.join(",")).filter(|statuses| !statuses.is_empty());
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        [
            ("createdTimeFrom", time(self.created_from)),
            ("createdTimeTo", time(self.created_to)),
            ("runtimeStatus", statuses),
            ("instanceIdPrefix", self.id_prefix.clone()),
            ("name", self.name.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }

    /// Whether an instance is meant, as far as a server may have ignored it.
    pub fn admits(&self, instance: &Instance) -> bool {
        let is_named = self.name.as_ref().is_none_or(|name| instance.name.as_ref() == Some(name));
        let begins = self.id_prefix.as_ref().is_none_or(|prefix| instance.instance_id.starts_with(prefix));
        is_named && begins
    }

    /// Whether it selects by what some servers ignore.
    pub fn is_beyond_azure(&self) -> bool {
        self.name.is_some() || self.id_prefix.is_some()
    }

    /// The same for a purge: of ended instances only. Those created at any time are meant if nothing else is said.
    ///
    /// # Errors
    /// When it selects nothing in particular, or instances that have not ended.
    pub fn of_purge(mut self) -> Result<Self, Failure> {
        if self.parameters().is_empty() {
            return Err(Failure::Usage(
                "name the instances to purge, or select them with --created-from, --created-to, --status, --name or \
                 --id-prefix"
                    .to_owned(),
            ));
        }
        if let Some(live) = self.status.iter().find(|status| status.end().is_none()) {
            return Err(Failure::Usage(format!(
                "instances that are {} are not purged: terminate them first",
                live.name()
            )));
        }
        if self.status.is_empty() {
            self.status = Status::ENDED.to_vec();
        }
        self.created_from.get_or_insert(Timestamp::UNIX_EPOCH);
        Ok(self)
    }

    /// In words, after "instances".
    pub fn in_words(&self) -> String {
        let mut words = Vec::new();
        if !self.status.is_empty() {
            let names: Vec<_> = self.status.iter().map(Status::name).collect();
            words.push(format!("that are {}", names.join(" or ")));
        }
        if let Some(name) = &self.name {
            words.push(format!("of '{name}'"));
        }
        if let Some(prefix) = &self.id_prefix {
            words.push(format!("with ids that begin with '{prefix}'"));
        }
        if let Some(from) = self.created_from.filter(|from| *from > Timestamp::UNIX_EPOCH) {
            words.push(format!("created from {}", shown(from)));
        }
        if let Some(to) = self.created_to {
            words.push(format!("created until {}", shown(to)));
        }
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        filter: Filter,
    }

    fn filter(arguments: &str) -> Filter {
        Line::try_parse_from(std::iter::once("x").chain(arguments.split_whitespace())).unwrap().filter
    }

    #[test]
    fn arguments_become_parameters() {
        let all = filter(
            "--status running,FAILED --status Pending --name hello --id-prefix a/ --since 2026-01-02 --until 2026-01-03T04:05:06.7Z",
        );
        let expected = [
            ("createdTimeFrom", "2026-01-02T00:00:00Z"),
            ("createdTimeTo", "2026-01-03T04:05:06.7Z"),
            ("runtimeStatus", "Running,Failed,Pending"),
            ("instanceIdPrefix", "a/"),
            ("name", "hello"),
        ];
        assert_eq!(all.parameters(), expected.map(|(name, value)| (name, value.to_owned())));
        assert_eq!(filter("").parameters(), []);
        assert_eq!(
            all.in_words(),
            "that are Running or Failed or Pending, of 'hello', with ids that begin with 'a/', created from \
             2026-01-02 00:00:00Z, created until 2026-01-03 04:05:06Z"
        );
        for wrong in ["--status done", "--created-from soon", "--status Other"] {
            let line = std::iter::once("x").chain(wrong.split_whitespace());
            assert!(Line::try_parse_from(line).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_a_server_may_have_ignored_is_checked_here() {
        let instance =
            serde_json::from_str(r#"{"name": "hello", "instanceId": "abc", "runtimeStatus": "Running"}"#)
                .unwrap();
        for (arguments, admitted) in [
            ("", true),
            ("--name hello --id-prefix ab", true),
            ("--name hell", false),
            ("--id-prefix b", false),
        ] {
            assert_eq!(filter(arguments).admits(&instance), admitted, "{arguments}");
        }
    }

    #[test]
    fn a_purge_is_of_ended_instances_and_of_some_in_particular() {
        let of = |arguments| filter(arguments).of_purge();
        assert!(of("").unwrap_err().to_string().starts_with("name the instances to purge"));
        assert!(of("--status Failed,Running").unwrap_err().to_string().contains("that are Running"));
        let parameters = of("--created-to 2026-01-03").unwrap().parameters();
        assert_eq!(parameters[0], ("createdTimeFrom", "1970-01-01T00:00:00Z".to_owned()));
        assert_eq!(parameters[2], ("runtimeStatus", "Completed,Failed,Terminated,Canceled".to_owned()));
        let failed = of("--status Failed").unwrap();
        assert_eq!(
            (failed.status.clone(), failed.in_words()),
            (vec![Status::Failed], "that are Failed".into())
        );
    }
}
