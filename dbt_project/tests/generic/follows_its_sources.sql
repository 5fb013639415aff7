{#
    Tickets whose derived columns say something else than what they derive from: the region of their
    order, whether their status or an event reopened them, whether a service level is still pending.
    The last one by ten minutes, within which `sla_refresh` looks at each twice.
#}
{% test follows_its_sources(model, orders, events) %}
{%- set long_ago = business_now() ~ " - interval '10 minutes'" -%}
with

-- Laterals, for the planner would rather hash all events than look up those of few tickets.
written as (
    select
        looked_at.*,
        looked_at.status = 'Reopened' or reopening.event_id is not null as is_said_reopened,
        waiting.event_id is not null as is_reopened_in_raw
    from (select * from {{ model }}) as looked_at
    left join lateral (
        select events.event_id
        from {{ events }} as events
        where events.ticket_id = looked_at.ticket_id and events.new_status = 'Reopened'
        limit 1
    ) as reopening on true
    left join lateral (
        select loaded.event_id
        from {{ source('raw', 'ticket_events') }} as loaded
        where loaded.ticket_id = looked_at.ticket_id and loaded.new_status = 'Reopened'
        limit 1
    ) as waiting on true
)

select
    written.ticket_id as failed_key,
    'region_id is not that of the order' as problem
from written
inner join {{ orders }} as orders on written.order_id = orders.order_id
where written.region_id <> orders.region_id

union all

select
    written.ticket_id as failed_key,
    'reopened, but neither status nor event says so' as problem
from written
where
    written.reopened
    and not written.is_said_reopened
    -- An event that waits for its agent counts as well.
    and not written.is_reopened_in_raw

union all

select
    written.ticket_id as failed_key,
    'not reopened, but status or event says so' as problem
from written
where not written.reopened and written.is_said_reopened

union all

select
    written.ticket_id as failed_key,
    'pending past its due time' as problem
from written
where
    (written.sla_response_status = 'pending' and written.sla_first_due_at < {{ long_ago }})
    or (written.sla_resolution_status = 'pending' and written.sla_resolve_due_at < {{ long_ago }})
{% endtest %}
