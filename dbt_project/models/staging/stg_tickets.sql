-- grain: one row per ticket, the newest valid version
select distinct on (ticket_id)
    ticket_id,
    order_id,
    customer_id,
    driver_id,
    restaurant_id,
    agent_id,
    reason_id,
    priority_id,
    channel_id,
    status,
    refund_amount,
    created_at,
    first_response_at,
    resolved_at,
    sla_first_due_at,
    sla_resolve_due_at,
    _partition_at,
    _source_file,
    _row_number,
    _run_id,
    _load_id
from {{ source('raw', 'tickets') }} as loaded
where not {{ is_discarded('loaded') }}
order by ticket_id asc, _partition_at desc, _source_file asc
