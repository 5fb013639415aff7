-- Every view sums to the facts or the ledger that it is made of: nothing is lost or counted twice.
{{ config(enabled=var('rows', '') == 'all') }}

{# View -> its measures, and what each sums to: `<CTE>.<column>`, by default of the same name. #}
{%- set of_tickets = {
    'tickets': 'tickets',
    'refund_amount': 'tickets',
    'response_breaches': 'tickets',
    'resolution_breaches': 'tickets',
} %}
{%- set of_orders = {'orders': 'orders', 'total_amount': 'orders'} %}
{%- set of_files = {
    'files': 'files', 'total_records': 'files', 'quarantined': 'files', 'duplicate_count': 'files'
} %}
{%- set comparisons = {
    'sla_compliance_by_agent_day': {'tickets': 'tickets.tickets_with_agent'},
    'reopen_rate_by_day': {'tickets': 'tickets', 'reopened_tickets': 'tickets'},
    'tickets_by_region': of_tickets,
    'tickets_by_restaurant': of_tickets,
    'tickets_by_driver': of_tickets,
    'tickets_by_channel_priority_reason': of_tickets,
    'refunds_by_reason': {'tickets': 'tickets', 'refund_amount': 'tickets'},
    'revenue_impact_by_day': {
        'orders': 'orders',
        'gross_amount': 'orders',
        'discount_amount': 'orders',
        'revenue_at_risk': 'orders',
        'refund_amount': 'tickets',
        'refunded_orders': 'tickets',
    },
    'orders_by_hour': of_orders,
    'orders_by_restaurant_hour': of_orders,
    'daily_file_summary': of_files,
    'quarantine_rate_by_source_day': of_files,
    'orphan_backlog': {'orphans': 'orphans.missing_parents'},
    'orphan_resolution_by_day': {'waiting_orphans': 'orphans'},
    'ticket_lifecycle': {'events': 'events'},
} %}
{%- set rows = {
    'v_ticket_sla_performance': 'tickets.tickets',
    'breached_tickets': 'tickets.breached_tickets',
    'true_orphan': 'orphans.true_orphans',
    'fact_order_as_of': 'orders.orders',
    'fact_ticket_as_of': 'tickets.tickets',
} %}

with

tickets as (
    select
        count(*) as tickets,
        count(*) filter (where agent_id is not null) as tickets_with_agent,
        count(*) filter (where reopened) as reopened_tickets,
        count(*) filter (
            where sla_response_status = 'breached' or sla_resolution_status = 'breached'
        ) as breached_tickets,
        count(*) filter (where sla_response_status = 'breached') as response_breaches,
        count(*) filter (where sla_resolution_status = 'breached') as resolution_breaches,
        coalesce(sum(refund_amount), 0) as refund_amount,
        count(distinct order_id) filter (where refund_amount > 0) as refunded_orders
    from {{ ref('fact_ticket') }}
),

orders as (
    select
        count(*) as orders,
        coalesce(sum(total_amount), 0) as total_amount,
        coalesce(sum(order_amount + delivery_fee), 0) as gross_amount,
        coalesce(sum(discount_amount), 0) as discount_amount,
        coalesce(sum(total_amount) filter (
            where order_id in (
                select refunded.order_id from {{ ref('fact_ticket') }} as refunded
                where refunded.refund_amount > 0
            )
        ), 0) as revenue_at_risk
    from {{ ref('fact_order') }}
),

files as (
    select
        count(*) as files,
        coalesce(sum(total_records), 0) as total_records,
        coalesce(sum(quarantined), 0) as quarantined,
        coalesce(sum(duplicate_count), 0) as duplicate_count
    from {{ source('ops', 'pipeline_file_log') }}
),

orphans as (
    select
        count(*) as waiting_orphans,
        count(*) filter (
            where first_seen_at < now() - {{ true_orphan_age() }}
        ) as true_orphans,
        coalesce(sum(jsonb_array_length(reasons)), 0) as missing_parents
    from {{ source('ops', 'quarantine') }}
    where rejection_stage = 'orphan' and status = 'open'
),

events as (
    select count(*) as events from {{ ref('fact_ticket_event') }}
),

sums (view_name, measure, expected, found) as (
    values
    {%- for view, measures in comparisons.items() %}
    {%- for measure, expected in measures.items() %}
    {%- set cte = expected.split('.')[0] %}
    {%- set column = expected.split('.')[1] if '.' in expected else measure %}
    (
        '{{ view }}',
        '{{ measure }}',
        (select {{ cte }}.{{ column }} from {{ cte }}),
        (select coalesce(sum(summed.{{ measure }}), 0) from {{ ref(view) }} as summed)
    ),
    {%- endfor %}
    {%- endfor %}
    {%- for view, expected in rows.items() %}
    {%- set cte = expected.split('.')[0] %}
    (
        '{{ view }}',
        'rows',
        (select {{ expected }} from {{ cte }}),
        (select count(*) from {{ ref(view) }})
    ){{ "," if not loop.last }}
    {%- endfor %}
)

select *
from sums
where expected is distinct from found
