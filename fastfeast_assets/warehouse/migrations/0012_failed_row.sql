create table ops.failed_test (
    test text primary key,
    mart text not null,
    severity text not null,
    failed_rows bigint not null,
    needs_all boolean not null,
    first_failed_at timestamptz not null default clock_timestamp(),
    last_failed_at timestamptz not null default clock_timestamp()
);

comment on table ops.failed_test is
'Tests of the dbt project that failed when they were run last. A row leaves when its test passes.';
comment on column ops.failed_test.test is 'Its name in the dbt project and in the console.';
comment on column ops.failed_test.mart is 'The table or view that it is about; empty for several.';
comment on column ops.failed_test.severity is 'error or warn.';
comment on column ops.failed_test.failed_rows is 'How many rows or keys failed.';
comment on column ops.failed_test.needs_all is
'Whether only a look at all rows can say that it passes: it is about a view, or failed_row holds only the first of its keys.';

create table ops.failed_row (
    test text not null,
    key text not null,
    mart text not null,
    first_failed_at timestamptz not null default clock_timestamp(),
    last_failed_at timestamptz not null default clock_timestamp(),
    primary key (test, key)
);

comment on table ops.failed_row is
'Keys of the marts for which a test failed; it looks at them whenever it runs, until they pass. Of each test the first 10,000.';

create table ops.tested_mart (
    mart text primary key,
    written_until timestamptz not null
);

comment on table ops.tested_mart is
'Of each mart, the newest _loaded_at of the rows that its tests have looked at.';

create table ops.checked_slice (
    slice smallint primary key check (slice between 1 and 30),
    checked_at timestamptz not null default clock_timestamp()
);

comment on table ops.checked_slice is
'When all rows of a slice, a thirtieth of the keys, were looked at last. The one of longest ago is next.';

alter table ops.consumed_load add column tested_generation integer not null default -1;

comment on column ops.consumed_load.tested_generation is
'Of the load, when the tests of the mart last looked at its keys; a lower one than generation is still to be tested.';

-- What is older than a day was not looked at any more before; it has its turn with its slice.
update ops.consumed_load
set tested_generation = generation
where consumed_at < now() - interval '1 day';

insert into ops.tested_mart (mart, written_until)
select consumer, now() - interval '1 day' from ops.consumed_load
where consumer <> 'transform'
group by consumer;

create index consumed_load_untested on ops.consumed_load (consumer)
where generation > tested_generation and consumer <> 'transform';
