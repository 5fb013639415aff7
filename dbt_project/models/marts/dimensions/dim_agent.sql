-- grain: one row per agent
{{
    config(
        unique_key='agent_id',
        pre_hook="{{ claim_loads('dim_agent', ['agents']) }}",
        post_hook=dimension_hooks('dim_agent', 'agents', 'agent_id'),
    )
}}

with

members as (
    {{ changed_members('dim_agent', 'agents', 'agent_id') }}
)

select
    member_key as agent_id,
    agent_name,
    agent_email_hash,
    agent_phone_hash,
    team_id,
    skill_level,
    hire_date,
    avg_handle_time_min,
    resolution_rate,
    csat_score,
    is_active,
    created_at,
    updated_at,
    is_stub,
    stub_reason,
    false as is_absent,
    null::timestamp as absent_since,
    now() as _loaded_at
from members
