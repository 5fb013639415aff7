-- grain: one row per event to look at again, and one per load to digest (event_id is null)
{{ config(sql_header=read_by_index()) }}

with

loads as (
    {{ pending_fact_loads(
        'fact_ticket_event',
        'ticket_events',
        foreign_keys('fact_ticket_event'),
        others={'orders': 'fact_ticket'},
    ) }}
),

changed_orders as (
    {{ values_of_loads('loads', 'orders', 'order_id') }}
    union
    {{ removed_keys('loads', 'orders') }}
),

changed_tickets as (
    {{ values_of_loads('loads', 'tickets', 'ticket_id') }}
    union
    {{ removed_keys('loads', 'tickets') }}
    union
    {{ rows_by_key('changed_orders', 'order_id', 'tickets', 'ticket_id') }}
),

replaced as (
    {{ replaced_loads('loads', 'ticket_events') }}
),

changes as (
    select
        loaded.event_id,
        'loaded' as reason
    from ({{ values_of_loads('loads', 'ticket_events', 'event_id') }}) as loaded

    union all

    select
        removed.key as event_id,
        'removed' as reason
    from ({{ removed_keys('loads', 'ticket_events') }}) as removed

    union all

    select
        of_ticket.event_id,
        'ticket_changed' as reason
    from (
        {{ rows_by_key('changed_tickets', 'ticket_id', 'ticket_events', 'event_id') }}
    ) as of_ticket

    union all

    select
        healed.event_id,
        'healed' as reason
    from (
        {{ healed_orphans('fact_ticket_event', 'event_id', foreign_keys('fact_ticket_event')) }}
    ) as healed

    union all

    select
        pending.event_id,
        'pending' as reason
    from ({{ pending_keys('fact_ticket_event', 'event_id') }}) as pending
    {%- set fact_ticket_event = existing_mart('fact_ticket_event') %}
    {%- if fact_ticket_event %}

    union all

    select
        carrying.event_id,
        'removed' as reason
    from ({{ rows_of_replaced('replaced', fact_ticket_event, 'event_id') }}) as carrying
    {%- endif %}
)

select
    event_id::varchar(36) as event_id,
    min(reason) as reason,
    bool_or(reason = 'removed') as has_left_a_file,
    null::bigint as load_id,
    null::text as load_source,
    null::integer as load_generation
from changes
group by event_id

union all

select
    null::varchar(36) as event_id,
    'load' as reason,
    false as has_left_a_file,
    load_id,
    source as load_source,
    generation as load_generation
from loads
