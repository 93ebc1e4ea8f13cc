-- Takes away all blocks of a checkpoint, and only for who holds the store.
--
-- KEYS[1] the store's system hash
-- KEYS[2] the checkpoint
-- ARGV[1] epoch of the caller
--
-- Answers ok, fenced or lost (nothing was removed). A repetition changes nothing.
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then return 'lost' end
if epoch ~= ARGV[1] then return 'fenced' end
redis.call('UNLINK', KEYS[2])
return 'ok'
