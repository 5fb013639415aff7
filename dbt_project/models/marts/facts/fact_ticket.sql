-- grain: one row per ticket
{{
    config(
        unique_key='ticket_id',
        indexes=[
            {'columns': ['order_id']},
            {'columns': ['date_key']},
            {'columns': ['customer_id']},
            {'columns': ['region_id']},
            {'columns': ['restaurant_id']},
            {'columns': ['driver_id']},
            {'columns': ['agent_id', 'date_key']},
            {'columns': ['reason_id']},
            {'columns': ['status']},
            {'columns': ['_loaded_at']},
            {'columns': ['_load_id']},
        ],
        post_hook=fact_hooks('fact_ticket', 'int_tickets_resolved', 'ticket_id') + [
            "{{ index_pending('sla_response_status', 'sla_first_due_at') }}",
            "{{ index_pending('sla_resolution_status', 'sla_resolve_due_at') }}",
            "{{ come_due('sla_response_status', 'first_response_at', 'sla_first_due_at') }}",
            "{{ come_due('sla_resolution_status', 'resolved_at', 'sla_resolve_due_at') }}",
        ],
    )
}}

select
    ticket_id,
    order_id,
    customer_id,
    region_id,
    restaurant_id,
    driver_id,
    agent_id,
    reason_id,
    priority_id,
    channel_id,
    date_key,
    time_key,
    status,
    refund_amount,
    created_at,
    first_response_at,
    resolved_at,
    sla_first_due_at,
    sla_resolve_due_at,
    first_response_min,
    resolution_min,
    sla_response_breached,
    sla_resolution_breached,
    sla_response_status,
    sla_resolution_status,
    reopened,
    _partition_at,
    _load_id,
    _pruned_at,
    now() as _loaded_at
from {{ ref('int_tickets_resolved') }}
where is_loadable
