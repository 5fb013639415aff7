-- grain: one row per ticket to look at again, and one per load to digest (ticket_id is null)
{{ config(sql_header=read_by_index()) }}

with

loads as (
    {{ pending_fact_loads(
        'fact_ticket', 'tickets', foreign_keys('fact_ticket'), others={'ticket_events': none}
    ) }}
),

changed_orders as (
    {{ values_of_loads('loads', 'orders', 'order_id') }}
    union
    {{ removed_keys('loads', 'orders') }}
),

changed_events as (
    {{ values_of_loads('loads', 'ticket_events', 'event_id') }}
    union
    {{ removed_keys('loads', 'ticket_events') }}
),

given_up as (
    {{ given_up_loads('tickets') }}
),

replaced_events as (
    {{ replaced_loads('loads', 'ticket_events') }}
),

changes as (
    select
        loaded.ticket_id,
        'loaded' as reason
    from ({{ values_of_loads('loads', 'tickets', 'ticket_id') }}) as loaded

    union all

    select
        removed.key as ticket_id,
        'removed' as reason
    from ({{ removed_keys('loads', 'tickets') }}) as removed

    union all

    select
        of_order.ticket_id,
        'order_changed' as reason
    from ({{ rows_by_key('changed_orders', 'order_id', 'tickets', 'ticket_id') }}) as of_order

    union all

    select
        of_event.ticket_id,
        'event_changed' as reason
    from (
        {{ rows_by_key(
            'changed_events', 'event_id', 'ticket_events', 'ticket_id', "new_status = 'Reopened'"
        ) }}
    ) as of_event

    union all

    select
        healed.ticket_id,
        'healed' as reason
    from ({{ healed_orphans('fact_ticket', 'ticket_id', foreign_keys('fact_ticket')) }}) as healed

    union all

    select
        pending.ticket_id,
        'pending' as reason
    from ({{ pending_keys('fact_ticket', 'ticket_id') }}) as pending
    {%- set fact_ticket = existing_mart('fact_ticket') %}
    {%- set fact_ticket_event = existing_mart('fact_ticket_event') %}
    {%- if fact_ticket %}

    union all

    select
        carrying.ticket_id,
        'removed' as reason
    from ({{ rows_of_replaced('given_up', fact_ticket, 'ticket_id') }}) as carrying

    union all

    select
        of_order.ticket_id,
        'order_changed' as reason
    from changed_orders
    inner join lateral (
        select tickets.ticket_id
        from {{ fact_ticket }} as tickets
        where tickets.order_id = changed_orders.order_id
        offset 0
    ) as of_order on true
    {%- if fact_ticket_event %}

    union all

    select
        of_event.ticket_id,
        'event_changed' as reason
    from changed_events
    inner join lateral (
        select events.ticket_id
        from {{ fact_ticket_event }} as events
        where events.event_id = changed_events.event_id and events.new_status = 'Reopened'
        offset 0
    ) as of_event on true

    union all

    select
        carrying.ticket_id,
        'event_changed' as reason
    from (
        {{ rows_of_replaced('replaced_events', fact_ticket_event, 'ticket_id') }}
    ) as carrying
    {%- endif %}
    {%- endif %}
)

select
    ticket_id::varchar(36) as ticket_id,
    min(reason) as reason,
    bool_or(reason = 'removed') as has_left_a_file,
    null::bigint as load_id,
    null::text as load_source,
    null::integer as load_generation
from changes
group by ticket_id

union all

select
    null::varchar(36) as ticket_id,
    'load' as reason,
    false as has_left_a_file,
    load_id,
    source as load_source,
    generation as load_generation
from loads
