-- Blocks carry the leaves of their entries, so that a broken row can be named and a member's path be made without reading
-- anybody else's entries. Every block is signed: a head of any second can be shown.
ALTER TABLE block ADD COLUMN leaves bytea NOT NULL;

ALTER TABLE block ALTER COLUMN leaves SET STORAGE EXTERNAL;

ALTER TABLE block ADD CONSTRAINT block_has_its_leaves CHECK (length(leaves) = 32 * count);

ALTER TABLE block ALTER COLUMN signature SET NOT NULL;

CREATE OR REPLACE VIEW block_view AS
SELECT n, first_pos, upto_pos, count, merkle_root, previous_hash, hash, signature, sealed_at, leaves FROM block;

-- The pos up to which everything is committed and seen: alone for an instant, no posting is under way.
CREATE FUNCTION sealable_upto() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(posting_lock());
    RETURN (SELECT coalesce(max(pos), 0) FROM entry);
END
$$;

CREATE FUNCTION seal_block(
    p_n bigint, p_first bigint, p_upto bigint, p_count integer, p_root bytea, p_previous bytea, p_hash bytea,
    p_signature bytea, p_leaves bytea
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_last block;
BEGIN
    PERFORM pg_advisory_xact_lock(posting_lock() + 1);  -- one sealer at a time
    SELECT * INTO v_last FROM block ORDER BY n DESC LIMIT 1;
    IF p_n <> coalesce(v_last.n, 0) + 1 OR p_first <= coalesce(v_last.upto_pos, 0)
       OR p_previous <> coalesce(v_last.hash, decode(repeat('00', 32), 'hex')) THEN
        RETURN false;  -- another sealer was first
    END IF;
    INSERT INTO block (n, first_pos, upto_pos, count, merkle_root, previous_hash, hash, signature, leaves)
    VALUES (p_n, p_first, p_upto, p_count, p_root, p_previous, p_hash, p_signature, p_leaves);
    RETURN true;
END
$$;
