{#
    Tickets whose row says something else than their events: one row for each kind of disagreement.
    Looks at the tickets of `model` and, behind loads, at those of the events that are looked at: a
    disagreement begins when either is written. The other source may still be on its way, so this is
    a warning.
#}
{% test agrees_with_events(model, tickets, events, lifecycle) %}
with

looked_at as (
    select * from (select * from {{ model }}) as rows_of_model
),

written as (
    select looked_at.ticket_id
    from looked_at
    {{ or_tickets_of_noted_events(events) }}
),

compared as (
    select
        tickets.ticket_id,
        tickets.status is distinct from said.last_status as status,
        tickets.first_response_at is distinct from said.first_response_at as first_response_at,
        tickets.resolved_at is distinct from said.resolved_at as resolved_at
    from written
    inner join {{ tickets }} as tickets on written.ticket_id = tickets.ticket_id
    inner join lateral (
        select lifecycle.*
        from {{ lifecycle }} as lifecycle
        where lifecycle.ticket_id = tickets.ticket_id
        offset 0
    ) as said on true
)

select
    compared.ticket_id as failed_key,
    disagreement.column_name
from compared
cross join lateral (
    values
    ('status', compared.status),
    ('first_response_at', compared.first_response_at),
    ('resolved_at', compared.resolved_at)
) as disagreement (column_name, is_found)
where disagreement.is_found
{% endtest %}
