-- Takes away log rows that the store's own rows already call gone.
--
-- KEYS[1] the store's system hash
-- KEYS[2] a segment that stays in part
-- KEYS[3..] segments that go as a whole
-- ARGV[1] epoch of the caller
-- ARGV[2..] the fields to remove from KEYS[2]
--
-- Answers ok or fenced (nothing was removed). A repetition changes nothing.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 'fenced' end
for index = 3, #KEYS do redis.call('UNLINK', KEYS[index]) end
if #ARGV > 1 then redis.call('HDEL', KEYS[2], unpack(ARGV, 2, #ARGV)) end
return 'ok'
