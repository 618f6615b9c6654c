-- What scripts/bench adds to wrk. Arguments after "--": method=POST, body=BYTES, close=1,
-- routes=N (request i goes to host h<i>.example and path /p<i>/). Prints the result as JSON.
local most_prepared_requests = 4096

local function read_arguments(arguments)
  local options = {}
  for _, argument in ipairs(arguments) do
    local name, value = argument:match("^(%w+)=(.*)$")
    options[name] = value
  end
  return options
end

-- Evenly spread over the routes, in an order that no prefetcher likes.
local function prepare_routes(count)
  local prepared = {}
  local requests = math.min(count, most_prepared_requests)
  for i = 0, requests - 1 do
    local route = math.floor(i * count / requests)
    prepared[i + 1] = wrk.format(nil, "/p" .. route .. wrk.path, { Host = "h" .. route .. ".example" })
  end
  for i = #prepared, 2, -1 do
    local j = math.random(i)
    prepared[i], prepared[j] = prepared[j], prepared[i]
  end
  local at = 0
  function request()
    at = at % #prepared + 1
    return prepared[at]
  end
end

function init(arguments)
  local options = read_arguments(arguments)
  wrk.method = options.method or "GET"
  if options.body then wrk.body = string.rep("x", tonumber(options.body)) end
  if options.close then wrk.headers["Connection"] = "close" end
  if options.routes then prepare_routes(tonumber(options.routes)) end
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "bytes": %.0f, "p50": %.0f, "p99": %.0f, ' ..
    '"socket_errors": %d, "timeouts": %d, "bad_statuses": %d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write, errors.timeout, errors.status))
end
