{#
    Tickets whose row says something else than their events: one row for each kind of disagreement,
    with the number of tickets and one of them. Looks at the tickets that the test's `where` admits,
    `model`, and at those with an event that it admits: a disagreement begins when either is written.
    The other source may still be on its way, so this is a warning.
#}
{% test agrees_with_events(model, tickets, events, lifecycle) %}
with

written as (
    select ticket_id from (select * from {{ model }}) as written_tickets
    union
    select ticket_id from {{ events }} where {{ config.get('where') or 'true' }}
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
    disagreement.column_name,
    count(*) as tickets,
    min(compared.ticket_id) as example
from compared
cross join lateral (
    values
    ('status', compared.status),
    ('first_response_at', compared.first_response_at),
    ('resolved_at', compared.resolved_at)
) as disagreement (column_name, is_found)
where disagreement.is_found
group by disagreement.column_name
{% endtest %}
