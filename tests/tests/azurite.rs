//! Azurite, as the tests use it, and our own table service against it: the same rows for the same queries.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context as _;
use azure_tables::shared_key::AccountKey;
use azure_tables::{
    Clock, Comparison, DistinctCount, ETag, Entity, EntityKey, Error, Filter, HttpClient, IfMatch, Operation,
    Property, Query, TableClient, TableName, Timestamp, Transaction, TransportError, Value, WriteMode,
    count_distinct,
};
use bytes::Bytes;
use futures::TryStreamExt as _;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use longhaul_tests::azurite::{Azurite, Signed};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;
use table_service::{
    ACCOUNT, ACCOUNT_KEY, DEMO_TABLE, Data, MissingProperty, Options, Row, Table, TableService, demo_rows,
};

const FILTERS: &[&str] = &[
    "PartitionKey ge '2021-08-01' and PartitionKey le '2021-09-15' and CertNumber ne ''",
    "PartitionKey ge '2021-09-15' and PartitionKey le '2021-08-01' and CertNumber ne ''",
    "CertNumber eq ''",
    "not (CertNumber eq '')",
    "PartitionKey eq '2021-08-01' or PartitionKey eq '2021-10-01' and durationMs lt 1000",
    "(PartitionKey lt '2021-08-01' or PartitionKey gt '2021-10-01') and succeeded eq false",
    "durationMs ge 2500 and not (action eq 'sign-in')",
    "action eq 'it''s'",
];

/// A few rows of every day, so few that each query is one page.
fn rows() -> Vec<Row> {
    demo_rows().into_iter().step_by(100).collect()
}

/// The rows that a service finds, with the properties that tell them apart.
async fn query(tables: &Signed, filter: &str) -> anyhow::Result<Vec<Json>> {
    let filter = utf8_percent_encode(filter, NON_ALPHANUMERIC);
    let target = format!("/{DEMO_TABLE}()?$select=PartitionKey,RowKey,identificationNumber&$filter={filter}");
    let answer = tables.get(&target).await?;
    anyhow::ensure!(answer.status().is_success(), "{}: {:?}", answer.status(), answer.body());
    let next = answer.headers().keys().find(|name| name.as_str().starts_with("x-ms-continuation"));
    anyhow::ensure!(next.is_none(), "the query has a second page");
    let mut page: Json = serde_json::from_slice(answer.body())?;
    let rows = page["value"].take();
    rows.as_array().cloned().context("an answer has rows")
}

fn distinct(rows: &[Json]) -> usize {
    rows.iter().filter_map(|row| row["identificationNumber"].as_str()).collect::<BTreeSet<_>>().len()
}

#[tokio::test]
async fn azurite_and_our_service_find_the_same_rows() -> anyhow::Result<()> {
    let azurite = Azurite::start()?;
    azurite.load(DEMO_TABLE, &rows()).await?;

    let data = Data::new().with_table(DEMO_TABLE, Table::new(rows())?);
    let options = Options { missing_property: MissingProperty::LeftOut, ..Options::default() };
    let service = TableService::start("127.0.0.1:0".parse()?, data, options).await?;
    let endpoint = format!("http://{}/{ACCOUNT}", service.local_addr());
    let ours = Signed::new(&endpoint, ACCOUNT, ACCOUNT_KEY)?;

    let mut found = 0;
    for filter in FILTERS {
        let theirs = query(azurite.tables(), filter).await.with_context(|| (*filter).to_owned())?;
        assert_eq!(query(&ours, filter).await?, theirs, "{filter}");
        found += theirs.len();
    }
    assert!(found > rows().len(), "the filters find too little to prove anything");

    let table = service.data().table(DEMO_TABLE).context("the table is there")?;
    let counted = distinct(&query(azurite.tables(), FILTERS[0]).await?);
    assert_eq!(counted, table.expected_count("2021-08-01", "2021-09-15"));
    Ok(())
}

#[tokio::test]
async fn azurite_takes_more_rows_into_a_table_but_no_row_twice() -> anyhow::Result<()> {
    let azurite = Azurite::start()?;
    let rows = rows();
    azurite.load(DEMO_TABLE, &rows[..10]).await?;
    azurite.load(DEMO_TABLE, &rows[10..20]).await?;
    assert_eq!(query(azurite.tables(), "PartitionKey ge ''").await?.len(), 20);
    let error = azurite.load(DEMO_TABLE, &rows[19..21]).await.expect_err("the row is there");
    assert!(error.to_string().contains("EntityAlreadyExists"), "{error}");
    Ok(())
}

#[tokio::test]
async fn azurite_ends_when_it_is_dropped() -> anyhow::Result<()> {
    let azurite = Azurite::start()?;
    let connection_string = azurite.connection_string();
    let address = connection_string.split('/').nth(2).context("the endpoint has an address")?.to_owned();
    drop(azurite);
    assert!(std::net::TcpStream::connect(address).is_err());
    Ok(())
}

/// What the client needs from outside, for real.
struct Outside(Client<HttpConnector, Full<Bytes>>);

impl HttpClient for Outside {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let lost = |error: &dyn std::error::Error| TransportError::temporary(error.to_string());
        let response = self.0.request(request.map(Full::new)).await.map_err(|error| lost(&error))?;
        let (head, body) = response.into_parts();
        Ok(Response::from_parts(head, body.collect().await.map_err(|error| lost(&error))?.to_bytes()))
    }
}

impl Clock for Outside {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}

fn client(connection_string: &str) -> anyhow::Result<TableClient<Outside, Outside>> {
    let outside = || Outside(Client::builder(TokioExecutor::new()).build_http());
    Ok(TableClient::new(connection_string.parse()?, outside(), outside()))
}

/// A setting of a connection string.
fn setting<'a>(connection_string: &'a str, name: &str) -> anyhow::Result<&'a str> {
    let mut settings = connection_string.split(';').filter_map(|setting| setting.split_once('='));
    settings.find(|(found, _)| *found == name).map(|(_, value)| value).context("the setting is there")
}

/// A connection string with an account's signature instead of its key.
/// <https://learn.microsoft.com/rest/api/storageservices/create-account-sas#construct-the-signature-string>
fn with_signature(azurite: &Azurite, permissions: &str, expiry: &str) -> anyhow::Result<String> {
    let with_key = azurite.connection_string();
    let (account, endpoint) = (setting(&with_key, "AccountName")?, setting(&with_key, "TableEndpoint")?);
    let (services, resource_types, version) = ("t", "sco", "2019-02-02");
    let (no_start, any_address, any_protocol) = ("", "", "");
    let to_sign = [
        account,
        permissions,
        services,
        resource_types,
        no_start,
        expiry,
        any_address,
        any_protocol,
        version,
        "",
    ];
    let signature = AccountKey::from_base64(setting(&with_key, "AccountKey")?)?.sign(&to_sign.join("\n"));
    let signature = utf8_percent_encode(&signature, NON_ALPHANUMERIC);
    Ok(format!(
        "TableEndpoint={endpoint};SharedAccessSignature=?sv={version}&ss={services}&srt={resource_types}\
         &sp={permissions}&se={expiry}&sig={signature}"
    ))
}

#[tokio::test]
async fn a_shared_access_signature_serves_as_well_as_the_key_until_it_expires() -> anyhow::Result<()> {
    let azurite = Azurite::start()?;
    azurite.load(DEMO_TABLE, &rows()).await?;
    let query = Query::new(DEMO_TABLE.parse()?).top(50);
    let count = async |connection_string: String| {
        count_distinct(&client(&connection_string)?, &query, "identificationNumber")
            .await
            .map_err(anyhow::Error::from)
    };
    let with_key: DistinctCount = count(azurite.connection_string()).await?;
    assert!(with_key.distinct > 0 && with_key.pages > 1, "{with_key:?}");
    assert_eq!(count(with_signature(&azurite, "r", "2099-01-01T00:00:00Z")?).await?, with_key);

    let error =
        count(with_signature(&azurite, "r", "2020-01-01T00:00:00Z")?).await.expect_err("it has expired");
    assert!(matches!(error.downcast_ref(), Some(Error::Refused(_))), "{error:?}");
    assert!(!error.to_string().contains("sig="), "{error}");
    Ok(())
}

fn entity(row: &str, properties: &[(&str, Value)]) -> anyhow::Result<Entity> {
    let entity = Entity::new(EntityKey::new("it's 50% ñ", row)?);
    let with = |entity: Entity, (name, value): &(&str, Value)| entity.with(name, value.clone());
    Ok(properties.iter().try_fold(entity, with)?)
}

fn version(etag: &ETag) -> IfMatch {
    IfMatch::Version(etag.clone())
}

#[tokio::test]
async fn azurite_keeps_each_type_and_tells_versions_apart() -> anyhow::Result<()> {
    let azurite = Azurite::start()?;
    azurite.load(DEMO_TABLE, &[]).await?;
    let (client, table) = (client(&azurite.connection_string())?, DEMO_TABLE.parse::<TableName>()?);
    let all = [
        ("text", Value::from("it's")),
        ("yes", Value::Bool(true)),
        ("int32", Value::Int32(-1)),
        ("int64", Value::Int64(i64::MAX)),
        ("double", Value::Double(1.0)),
        ("time", Value::DateTime("2021-10-10T08:49:37.5Z".parse()?)),
        ("guid", Value::Guid("a6b8c1d2-0000-4000-8000-00000000000f".parse()?)),
        ("bytes", Value::Binary(vec![0, 255])),
    ];
    let whole = entity("o'clock, =&", &all)?;
    let key = whole.key().clone();
    let first = client.insert(&table, whole.clone()).await?;
    let found = client.get(&table, &key).await?;
    for (name, value) in &all {
        assert_eq!(found.get(name), Some(value), "{name}");
    }
    assert_eq!(found.etag(), Some(&first));
    let again = client.insert(&table, whole).await;
    assert!(matches!(again, Err(Error::AlreadyExists(_))), "{again:?}");

    let other = entity(key.row_key(), &[("text", Value::from("other"))])?;
    let second = client.update(&table, other.clone(), WriteMode::Merge, version(&first)).await?;
    let found = client.get(&table, &key).await?;
    assert_eq!(
        (found.get("text"), found.get("int32")),
        (Some(&Value::from("other")), Some(&Value::Int32(-1)))
    );
    let stale = client.update(&table, other.clone(), WriteMode::Replace, version(&first)).await;
    assert!(matches!(stale, Err(Error::PreconditionFailed(_))), "{stale:?}");
    let stale = client.delete(&table, key.clone(), version(&first)).await;
    assert!(matches!(stale, Err(Error::PreconditionFailed(_))), "{stale:?}");

    let third = client.update(&table, other.clone(), WriteMode::Replace, version(&second)).await?;
    assert_eq!(client.get(&table, &key).await?.get("int32"), None);
    client.delete(&table, key.clone(), version(&third)).await?;
    let gone = client.get(&table, &key).await;
    assert!(matches!(gone, Err(Error::EntityNotFound(_))), "{gone:?}");
    let gone = client.update(&table, other.clone(), WriteMode::Merge, IfMatch::Any).await;
    assert!(matches!(gone, Err(Error::EntityNotFound(_))), "{gone:?}");
    let gone = client.delete(&table, key.clone(), IfMatch::Any).await;
    assert!(matches!(gone, Err(Error::EntityNotFound(_))), "{gone:?}");

    client.upsert(&table, other.clone(), WriteMode::Merge).await?;
    client.upsert(&table, other, WriteMode::Replace).await?;
    assert_eq!(client.get(&table, &key).await?.get("text"), Some(&Value::from("other")));
    let nowhere = client.get(&"nowhere".parse()?, &key).await;
    assert!(matches!(nowhere, Err(Error::TableNotFound { .. })), "{nowhere:?}");
    Ok(())
}

#[tokio::test]
async fn azurite_finds_what_built_filters_ask_for_and_gives_it_with_its_types() -> anyhow::Result<()> {
    let azurite = Azurite::start()?;
    azurite.load(DEMO_TABLE, &[]).await?;
    let table = DEMO_TABLE.parse::<TableName>()?;
    let client = client(&with_signature(&azurite, "raud", "2099-01-01T00:00:00Z")?)?;
    let time = |second: i64| Timestamp::from_second(1_633_855_777 + second).map(Value::DateTime);
    let guid = "a6b8c1d2-0000-4000-8000-00000000000f".parse()?;
    for row in 0..5_i64 {
        let values = [
            ("text", Value::Text(format!("it's {row}"))),
            ("long", Value::Int64(i64::MAX - row)),
            ("time", time(row)?),
            ("guid", if row == 3 { Value::Guid(guid) } else { Value::Guid(Default::default()) }),
            ("bytes", Value::Binary(vec![u8::try_from(row)?, 255])),
        ];
        client.insert(&table, entity(&row.to_string(), &values)?).await?;
    }
    let is = |name: &str, comparison, value| anyhow::Ok(Property::new(name)?.is(comparison, value)?);
    let found = async |filter: Filter| {
        let query = Query::new(table.clone()).filter(filter).select(["text"]).top(2);
        let rows = client.entities(&query).map_ok(|entity| entity.key().row_key().to_owned());
        anyhow::Ok(rows.try_collect::<Vec<_>>().await?.concat())
    };
    let text = is("text", Comparison::Eq, Value::from("it's 2"))?;
    let long = is("long", Comparison::Ge, Value::Int64(i64::MAX - 1))?;
    let late = is("time", Comparison::Gt, time(2)?)?;
    let guid = is("guid", Comparison::Eq, Value::Guid(guid))?;
    let bytes = is("bytes", Comparison::Eq, Value::Binary(vec![4, 255]))?;
    assert_eq!(found(text.clone()).await?, "2");
    assert_eq!(found(long.clone()).await?, "01");
    assert_eq!(found(late.clone()).await?, "34");
    assert_eq!(found(guid.clone()).await?, "3");
    assert_eq!(found(bytes).await?, "4");
    assert_eq!(found(text.or(&long).or(&guid)).await?, "0123", "in pages of two");
    assert_eq!(found(late.and(&guid.negated())).await?, "4");
    assert_eq!(found(long.negated()).await?, "234");

    let query = Query::new(table.clone()).select(["long", "time", "bytes"]);
    let all: Vec<_> = client.entities(&query).try_collect().await?;
    let first = all.first().context("there are five")?;
    assert_eq!(first.get("long"), Some(&Value::Int64(i64::MAX)));
    assert_eq!(first.get("time"), Some(&time(0)?));
    assert_eq!(first.get("bytes"), Some(&Value::Binary(vec![0, 255])));
    assert_eq!(first.get("text"), None, "it was not selected");

    // What the stream says of the version is good for a write.
    let known = version(first.etag().context("a version")?);
    let change = entity("0", &[("text", Value::from("other"))])?;
    client.merge(&table, change.clone(), known.clone()).await?;
    let stale = client.merge(&table, change, known).await;
    assert!(matches!(stale, Err(Error::PreconditionFailed(_))), "{stale:?}");
    Ok(())
}

#[tokio::test]
async fn azurite_makes_a_transaction_whole_or_not_at_all() -> anyhow::Result<()> {
    let azurite = Azurite::start()?;
    azurite.load(DEMO_TABLE, &[]).await?;
    let table = DEMO_TABLE.parse::<TableName>()?;
    for connection_string in
        [azurite.connection_string(), with_signature(&azurite, "raud", "2099-01-01T00:00:00Z")?]
    {
        let client = client(&connection_string)?;
        let rows = (0..100).map(|row| entity(&row.to_string(), &[("n", Value::Int64(row))]));
        let inserts = rows.map(|row| row.map(Operation::Insert)).collect::<Result<Vec<_>, _>>()?;
        let versions = client.transact(&table, &Transaction::new(inserts)?).await?;
        assert_eq!(versions.iter().flatten().count(), 100);

        let (changed, new) = (entity("0", &[("n", Value::Int64(7))])?, entity("new", &[])?);
        let there = entity("50", &[])?;
        let failing = Transaction::new(vec![
            Operation::Upsert(changed.clone(), WriteMode::Replace),
            Operation::Insert(new.clone()),
            Operation::Insert(there.clone()),
        ])?;
        let error = client.transact(&table, &failing).await.expect_err("an entity is there already");
        let Error::TransactionRefused { index, key, error } = &error else { panic!("{error:?}") };
        assert_eq!((*index, key), (2, there.key()));
        assert!(matches!(**error, Error::AlreadyExists(_)), "{error:?}");
        assert_eq!(client.get(&table, changed.key()).await?.get("n"), Some(&Value::Int64(0)));
        let new = client.get(&table, new.key()).await;
        assert!(matches!(new, Err(Error::EntityNotFound(_))), "{new:?}");

        let deletes = (0..100)
            .map(|row| Ok(Operation::Delete(entity(&row.to_string(), &[])?.key().clone(), IfMatch::Any)));
        let deletes = Transaction::new(deletes.collect::<anyhow::Result<_>>()?)?;
        client.transact(&table, &deletes).await?;
        let query = Query::new(table.clone());
        assert_eq!(client.query(&query).next().await.context("a page")??.rows(), 0);
    }
    Ok(())
}
