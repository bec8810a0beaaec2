-- wrk: random ranges of one file. Arguments: its length, the size of a range, a header's name and value.
function init(arguments)
  length, size = tonumber(arguments[1]), tonumber(arguments[2])
  if arguments[3] then
    wrk.headers[arguments[3]] = arguments[4]
  end
  math.randomseed(1)
end

function request()
  local at = math.random(0, length - size)
  wrk.headers["Range"] = string.format("bytes=%d-%d", at, at + size - 1)
  return wrk.format()
end
