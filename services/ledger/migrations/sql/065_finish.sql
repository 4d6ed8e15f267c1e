-- Ends open proposals whose accounts the caller has locked: resolution for each and its fees, hold and reservation gone.
CREATE FUNCTION finish(p_ids uuid[], p_kind text, p_actor text, p_user text, p_reason text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_at timestamptz := clock_timestamp();
BEGIN
    WITH gone AS (
        DELETE FROM hold WHERE transfer_id = ANY (p_ids) RETURNING payer, reserved
    )
    UPDATE account a SET held_out = a.held_out - g.total
    FROM (SELECT payer, sum(reserved)::bigint AS total FROM gone WHERE reserved > 0 GROUP BY payer) g
    WHERE a.id = g.payer;
    INSERT INTO resolution (transfer_id, kind, at, actor, actor_user, reason)
    SELECT t.id, p_kind, v_at, CASE WHEN t.kind = 'fee' THEN 'system' ELSE p_actor END, p_user, p_reason
    FROM (
        SELECT m.id, m.kind FROM transfer m WHERE m.id = ANY (p_ids)
        UNION ALL
        SELECT f.id, f.kind FROM transfer m JOIN transfer f ON f.parent_id = m.id AND f.kind = 'fee'
        WHERE m.id = ANY (p_ids) AND m.fee_total > 0
    ) t;
END
$$;
