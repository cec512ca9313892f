-- Wireshark and tshark: order entry of this exchange. What Wireshark's own dissectors do not know is taken apart here: order
-- datagrams, the responses that come back over UDP, our own messages (lower-case types) and options (128 and up); and with them
-- the messages of OUCH 5.0, over UDP, and over TCP inside of Wireshark's SoupBinTCP.
--
--   wireshark -X lua_script:docs/protocol/exchange.lua -d tcp.port==26400,soupbintcp
--
-- Another port than 26400 (UDP and TCP): -o exchange.port:PORT. Wireshark's own OUCH ends with version 4: switch it off with
-- --disable-protocol ouch. Market data is MoldUDP64 with ITCH 5.0, for which there are dissectors elsewhere.

-- begin: from the tables of docs/protocol (DISSECTOR=write cargo test -p protocol --test dissector)
local requests = {
    O = {
        name = "Enter Order", size = 47, has_appendage = true, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "UserRefNum", 1, 4, "number" },
            { "Side", 5, 1, "text" },
            { "Quantity", 6, 4, "number" },
            { "Symbol", 10, 8, "text" },
            { "Price", 18, 8, "price" },
            { "Time In Force", 26, 1, "text" },
            { "Display", 27, 1, "text" },
            { "Capacity", 28, 1, "text" },
            { "InterMarket Sweep Eligibility", 29, 1, "text" },
            { "CrossType", 30, 1, "text" },
            { "ClOrdID", 31, 14, "text" },
            { "Appendage Length", 45, 2, "number" },
        },
    },
    U = {
        name = "Replace Order Request", size = 40, has_appendage = true, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "OrigUserRefNum", 1, 4, "number" },
            { "UserRefNum", 5, 4, "number" },
            { "Quantity", 9, 4, "number" },
            { "Price", 13, 8, "price" },
            { "Time In Force", 21, 1, "text" },
            { "Display", 22, 1, "text" },
            { "InterMarket Sweep Eligibility", 23, 1, "text" },
            { "ClOrdID", 24, 14, "text" },
            { "Appendage Length", 38, 2, "number" },
        },
    },
    X = {
        name = "Cancel Order Request", size = 9, has_appendage = false, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "UserRefNum", 1, 4, "number" },
            { "Quantity", 5, 4, "number" },
        },
    },
    M = {
        name = "Modify Order Request", size = 10, has_appendage = false, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "UserRefNum", 1, 4, "number" },
            { "Side", 5, 1, "text" },
            { "Quantity", 6, 4, "number" },
        },
    },
    C = {
        name = "Mass Cancel Request", size = 19, has_appendage = true, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "UserRefNum", 1, 4, "number" },
            { "Firm", 5, 4, "text" },
            { "Symbol", 9, 8, "text" },
            { "Appendage Length", 17, 2, "number" },
        },
    },
    D = {
        name = "Disable Order Entry Request", size = 11, has_appendage = true, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "UserRefNum", 1, 4, "number" },
            { "Firm", 5, 4, "text" },
            { "Appendage Length", 9, 2, "number" },
        },
    },
    E = {
        name = "Enable Order Entry Request", size = 11, has_appendage = true, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "UserRefNum", 1, 4, "number" },
            { "Firm", 5, 4, "text" },
            { "Appendage Length", 9, 2, "number" },
        },
    },
    Q = {
        name = "Account Query Request", size = 1, has_appendage = false, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
        },
    },
    u = {
        name = "Bind UDP", size = 3, has_appendage = false, is_own = true,
        fields = {
            { "Type", 0, 1, "text" },
            { "UDP Port", 1, 2, "number" },
        },
    },
    r = {
        name = "Re-request", size = 11, has_appendage = false, is_own = true,
        fields = {
            { "Type", 0, 1, "text" },
            { "Sequence Number", 1, 8, "number" },
            { "Message Count", 9, 2, "number" },
        },
    },
    s = {
        name = "Order Status Request", size = 5, has_appendage = false, is_own = true,
        fields = {
            { "Type", 0, 1, "text" },
            { "UserRefNum", 1, 4, "number" },
        },
    },
    o = {
        name = "Open Orders Request", size = 1, has_appendage = false, is_own = true,
        fields = {
            { "Type", 0, 1, "text" },
        },
    },
    b = {
        name = "Balance Request", size = 9, has_appendage = false, is_own = true,
        fields = {
            { "Type", 0, 1, "text" },
            { "Asset", 1, 8, "text" },
        },
    },
    t = {
        name = "Ticker Request", size = 9, has_appendage = false, is_own = true,
        fields = {
            { "Type", 0, 1, "text" },
            { "Symbol", 1, 8, "text" },
        },
    },
    i = {
        name = "Instruments Request", size = 1, has_appendage = false, is_own = true,
        fields = {
            { "Type", 0, 1, "text" },
        },
    },
}
local responses = {
    S = {
        name = "System Event", size = 10, has_appendage = false, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "Timestamp", 1, 8, "number" },
            { "Event Code", 9, 1, "text" },
        },
    },
    A = {
        name = "Order Accepted", size = 64, has_appendage = true, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "Timestamp", 1, 8, "number" },
            { "UserRefNum", 9, 4, "number" },
            { "Side", 13, 1, "text" },
            { "Quantity", 14, 4, "number" },
            { "Symbol", 18, 8, "text" },
            { "Price", 26, 8, "price" },
            { "Time In Force", 34, 1, "text" },
            { "Display", 35, 1, "text" },
            { "Order Reference Number", 36, 8, "number" },
            { "Capacity", 44, 1, "text" },
            { "InterMarket Sweep Eligibility", 45, 1, "text" },
            { "CrossType", 46, 1, "text" },
            { "Order State", 47, 1, "text" },
            { "ClOrdID", 48, 14, "text" },
            { "Appendage Length", 62, 2, "number" },
        },
    },
    U = {
        name = "Order Replaced", size = 68, has_appendage = true, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "Timestamp", 1, 8, "number" },
            { "OrigUserRefNum", 9, 4, "number" },
            { "UserRefNum", 13, 4, "number" },
            { "Side", 17, 1, "text" },
            { "Quantity", 18, 4, "number" },
            { "Symbol", 22, 8, "text" },
            { "Price", 30, 8, "price" },
            { "Time In Force", 38, 1, "text" },
            { "Display", 39, 1, "text" },
            { "Order Reference Number", 40, 8, "number" },
            { "Capacity", 48, 1, "text" },
            { "InterMarket Sweep Eligibility", 49, 1, "text" },
            { "CrossType", 50, 1, "text" },
            { "Order State", 51, 1, "text" },
            { "ClOrdID", 52, 14, "text" },
            { "Appendage Length", 66, 2, "number" },
        },
    },
    C = {
        name = "Order Canceled", size = 18, has_appendage = false, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "Timestamp", 1, 8, "number" },
            { "UserRefNum", 9, 4, "number" },
            { "Quantity", 13, 4, "number" },
            { "Reason", 17, 1, "text" },
        },
    },
    D = {
        name = "AIQ Canceled", size = 32, has_appendage = false, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "Timestamp", 1, 8, "number" },
            { "UserRefNum", 9, 4, "number" },
            { "Decrement Shares", 13, 4, "number" },
            { "Reason", 17, 1, "text" },
            { "Quantity Prevented From Trading", 18, 4, "number" },
            { "Execution Price", 22, 8, "price" },
            { "Liquidity Flag", 30, 1, "text" },
            { "AIQ Strategy", 31, 1, "text" },
        },
    },
    E = {
        name = "Order Executed", size = 36, has_appendage = true, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "Timestamp", 1, 8, "number" },
            { "UserRefNum", 9, 4, "number" },
            { "Quantity", 13, 4, "number" },
            { "Price", 17, 8, "price" },
            { "Liquidity Flag", 25, 1, "text" },
            { "Match Number", 26, 8, "number" },
            { "Appendage Length", 34, 2, "number" },
        },
    },
    B = {
        name = "Broken Trade", size = 36, has_appendage = false, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "Timestamp", 1, 8, "number" },
            { "UserRefNum", 9, 4, "number" },
            { "Match Number", 13, 8, "number" },
            { "Reason", 21, 1, "text" },
            { "ClOrdID", 22, 14, "text" },
        },
    },
    J = {
        name = "Rejected", size = 29, has_appendage = false, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "Timestamp", 1, 8, "number" },
            { "UserRefNum", 9, 4, "number" },
            { "Reason", 13, 2, "number" },
            { "ClOrdID", 15, 14, "text" },
        },
    },
    P = {
        name = "Cancel Pending", size = 13, has_appendage = false, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "Timestamp", 1, 8, "number" },
            { "UserRefNum", 9, 4, "number" },
        },
    },
    I = {
        name = "Cancel Reject", size = 13, has_appendage = false, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "Timestamp", 1, 8, "number" },
            { "UserRefNum", 9, 4, "number" },
        },
    },
    T = {
        name = "Order Priority Update", size = 30, has_appendage = false, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "Timestamp", 1, 8, "number" },
            { "UserRefNum", 9, 4, "number" },
            { "Price", 13, 8, "price" },
            { "Display", 21, 1, "text" },
            { "Order Reference Number", 22, 8, "number" },
        },
    },
    M = {
        name = "Order Modified", size = 18, has_appendage = false, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "Timestamp", 1, 8, "number" },
            { "UserRefNum", 9, 4, "number" },
            { "Side", 13, 1, "text" },
            { "Quantity", 14, 4, "number" },
        },
    },
    R = {
        name = "Order Restated", size = 16, has_appendage = true, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "Timestamp", 1, 8, "number" },
            { "UserRefNum", 9, 4, "number" },
            { "Reason", 13, 1, "text" },
            { "Appendage Length", 14, 2, "number" },
        },
    },
    X = {
        name = "Mass Cancel Response", size = 27, has_appendage = true, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "Timestamp", 1, 8, "number" },
            { "UserRefNum", 9, 4, "number" },
            { "Firm", 13, 4, "text" },
            { "Symbol", 17, 8, "text" },
            { "Appendage Length", 25, 2, "number" },
        },
    },
    G = {
        name = "Disable Order Entry Response", size = 19, has_appendage = true, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "Timestamp", 1, 8, "number" },
            { "UserRefNum", 9, 4, "number" },
            { "Firm", 13, 4, "text" },
            { "Appendage Length", 17, 2, "number" },
        },
    },
    K = {
        name = "Enable Order Entry Response", size = 19, has_appendage = true, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "Timestamp", 1, 8, "number" },
            { "UserRefNum", 9, 4, "number" },
            { "Firm", 13, 4, "text" },
            { "Appendage Length", 17, 2, "number" },
        },
    },
    Q = {
        name = "Account Query Response", size = 13, has_appendage = false, is_own = false,
        fields = {
            { "Type", 0, 1, "text" },
            { "Timestamp", 1, 8, "number" },
            { "NextUserRefNum", 9, 4, "number" },
        },
    },
    u = {
        name = "UDP Bound", size = 27, has_appendage = false, is_own = true,
        fields = {
            { "Type", 0, 1, "text" },
            { "Token", 1, 8, "bytes" },
            { "Salt", 9, 16, "bytes" },
            { "UDP Port", 25, 2, "number" },
        },
    },
    s = {
        name = "Order Status", size = 83, has_appendage = false, is_own = true,
        fields = {
            { "Type", 0, 1, "text" },
            { "UserRefNum", 1, 4, "number" },
            { "Order Reference Number", 5, 8, "number" },
            { "State", 13, 1, "text" },
            { "Side", 14, 1, "text" },
            { "Symbol", 15, 8, "text" },
            { "Quantity", 23, 4, "number" },
            { "Executed", 27, 4, "number" },
            { "Open", 31, 4, "number" },
            { "Price", 35, 8, "price" },
            { "Executed Notional", 43, 16, "bytes" },
            { "Fees", 59, 16, "bytes" },
            { "As Of Sequence", 75, 8, "number" },
        },
    },
    o = {
        name = "Open Order", size = 83, has_appendage = false, is_own = true,
        fields = {
            { "Type", 0, 1, "text" },
            { "UserRefNum", 1, 4, "number" },
            { "Order Reference Number", 5, 8, "number" },
            { "State", 13, 1, "text" },
            { "Side", 14, 1, "text" },
            { "Symbol", 15, 8, "text" },
            { "Quantity", 23, 4, "number" },
            { "Executed", 27, 4, "number" },
            { "Open", 31, 4, "number" },
            { "Price", 35, 8, "price" },
            { "Executed Notional", 43, 16, "bytes" },
            { "Fees", 59, 16, "bytes" },
            { "As Of Sequence", 75, 8, "number" },
        },
    },
    b = {
        name = "Balance", size = 65, has_appendage = false, is_own = true,
        fields = {
            { "Type", 0, 1, "text" },
            { "Asset", 1, 8, "text" },
            { "Total", 9, 16, "bytes" },
            { "Available", 25, 16, "bytes" },
            { "Held", 41, 16, "bytes" },
            { "As Of Sequence", 57, 8, "number" },
        },
    },
    t = {
        name = "Ticker", size = 77, has_appendage = false, is_own = true,
        fields = {
            { "Type", 0, 1, "text" },
            { "Symbol", 1, 8, "text" },
            { "Last Price", 9, 8, "price" },
            { "Last Quantity", 17, 4, "number" },
            { "Last Match Number", 21, 8, "number" },
            { "Last Time", 29, 8, "number" },
            { "Bid Price", 37, 8, "price" },
            { "Bid Quantity", 45, 8, "number" },
            { "Ask Price", 53, 8, "price" },
            { "Ask Quantity", 61, 8, "number" },
            { "As Of Sequence", 69, 8, "number" },
        },
    },
    i = {
        name = "Instrument", size = 102, has_appendage = false, is_own = true,
        fields = {
            { "Type", 0, 1, "text" },
            { "Symbol", 1, 8, "text" },
            { "Stock Locate", 9, 2, "number" },
            { "Base Asset", 11, 8, "text" },
            { "Base Decimals", 19, 1, "number" },
            { "Quote Asset", 20, 8, "text" },
            { "Quote Decimals", 28, 1, "number" },
            { "Tick Size", 29, 8, "price" },
            { "Lot Size", 37, 16, "bytes" },
            { "Price Unit", 53, 16, "bytes" },
            { "Max Quantity", 69, 4, "number" },
            { "Max Notional", 73, 16, "bytes" },
            { "Collar", 89, 4, "number" },
            { "Maker Fee", 93, 4, "bytes" },
            { "Taker Fee", 97, 4, "bytes" },
            { "State", 101, 1, "text" },
        },
    },
}
local options = {
    [1] = { name = "SecondaryOrdRefNum", length = 8 },
    [2] = { name = "Firm", length = 4 },
    [3] = { name = "MinQty", length = 4 },
    [4] = { name = "CustomerType", length = 1 },
    [5] = { name = "MaxFloor", length = 4 },
    [6] = { name = "PriceType", length = 1 },
    [7] = { name = "PegOffset", length = 4 },
    [9] = { name = "DiscretionPrice", length = 8 },
    [10] = { name = "DiscretionPriceType", length = 1 },
    [11] = { name = "DiscretionPegOffset", length = 4 },
    [12] = { name = "PostOnly", length = 1 },
    [13] = { name = "RandomReserves", length = 4 },
    [14] = { name = "Route", length = 4 },
    [15] = { name = "ExpireTime", length = 4 },
    [16] = { name = "TradeNow", length = 1 },
    [17] = { name = "HandleInst", length = 1 },
    [18] = { name = "BBO Weight Indicator", length = 1 },
    [22] = { name = "Display Quantity", length = 4 },
    [23] = { name = "Display Price", length = 8 },
    [24] = { name = "Group ID", length = 2 },
    [25] = { name = "Shares Located", length = 1 },
    [26] = { name = "Locate Broker", length = 4 },
    [27] = { name = "Side", length = 1 },
    [28] = { name = "UserRefIdx", length = 1 },
    [128] = { name = "StopPrice", length = 8 },
    [129] = { name = "SelfMatch", length = 1 },
    [130] = { name = "Funds", length = 8 },
    [131] = { name = "Fee", length = 8 },
}
-- end

local exchange = Proto("exchange", "Exchange Order Entry")
exchange.prefs.port = Pref.uint("Order-entry port", 26400, "UDP and TCP")

local f = {
    token = ProtoField.bytes("exchange.token", "Token"),
    number = ProtoField.uint64("exchange.number", "Datagram Number"),
    session = ProtoField.string("exchange.session", "Session"),
    sequence = ProtoField.uint64("exchange.sequence", "Sequence Number"),
    count = ProtoField.uint16("exchange.count", "Message Count"),
    length = ProtoField.uint16("exchange.length", "Message Length"),
    padding = ProtoField.bytes("exchange.padding", "Padding"),
    request = ProtoField.string("exchange.request", "Request"),
    response = ProtoField.string("exchange.response", "Response"),
    appendage = ProtoField.uint16("exchange.appendage", "Appendage Length"),
    option = ProtoField.uint8("exchange.option", "Option"),
    option_value = ProtoField.bytes("exchange.option.value", "Value"),
    unknown = ProtoField.bytes("exchange.unknown", "Unknown Message"),
}
local malformed = ProtoExpert.new("exchange.malformed", "Malformed", expert.group.MALFORMED, expert.severity.ERROR)
exchange.experts = { malformed }

-- Numbers that a tree shows as such; longer ones stay bytes.
local numbers = {
    [1] = ProtoField.uint8, [2] = ProtoField.uint16, [4] = ProtoField.uint32, [8] = ProtoField.uint64,
}

local function abbreviation(name)
    return (name:lower():gsub("[^%w]+", "_"))
end

local fields = {}
for _, field in pairs(f) do
    fields[#fields + 1] = field
end
for direction, messages in pairs({ request = requests, response = responses }) do
    for _, message in pairs(messages) do
        for _, field in ipairs(message.fields) do
            local name, length, kind = field[1], field[3], field[4]
            local make = ProtoField.bytes
            if kind == "text" then
                make = ProtoField.string
            elseif kind == "number" or kind == "price" then
                make = numbers[length] or ProtoField.bytes
            end
            local path = { "exchange", direction, abbreviation(message.name), abbreviation(name) }
            field.proto = make(table.concat(path, "."), name)
            fields[#fields + 1] = field.proto
        end
    end
end
exchange.fields = fields

local function bad(tree, range, what)
    tree:add_proto_expert_info(malformed, what)
end

-- Options: length (tag and value), tag, value; nothing may be left over.
local function options_of(tvb, tree, offset)
    while offset < tvb:len() do
        local length = tvb(offset, 1):uint()
        if length == 0 or offset + 1 + length > tvb:len() then
            return bad(tree, tvb(offset), "an option overruns its message")
        end
        local tag = tvb(offset + 1, 1)
        local known = options[tag:uint()]
        local branch = tree:add(f.option, tag)
        if length > 1 then
            branch:add(f.option_value, tvb(offset + 2, length - 1))
        end
        if known then
            branch:append_text(" " .. known.name)
            if known.length ~= length - 1 then
                bad(branch, tag, "an option of " .. known.length .. " bytes has " .. (length - 1))
            end
        end
        offset = offset + 1 + length
    end
end

-- One message, of which `tvb` is all.
local function message_of(tvb, tree, is_request)
    if tvb:len() == 0 then
        return bad(tree, tvb(), "a message without a type")
    end
    local kind = tvb(0, 1):string()
    local known = (is_request and requests or responses)[kind]
    local branch = tree:add(is_request and f.request or f.response, tvb(0, 1))
    if known == nil then
        branch:add(f.unknown, tvb())
        return
    end
    branch:append_text(" " .. known.name)
    if tvb:len() < known.size then
        return bad(branch, tvb(), known.name .. " of " .. tvb:len() .. " bytes")
    end
    for _, field in ipairs(known.fields) do
        local range = tvb(field[2], field[3])
        local item = branch:add(field.proto, range)
        if field[4] == "price" then
            local price = range:uint64()
            item:append_text(string.format(" (%s.%04d)", tostring(price / 10000), (price % 10000):tonumber()))
        end
    end
    local offset = known.size
    if not known.has_appendage then
        if tvb:len() == offset then
            return
        elseif known.is_own or tvb:len() < offset + 2 then
            return bad(branch, tvb(offset), known.name .. " is longer than its table")
        end
        branch:add(f.appendage, tvb(offset, 2))
        offset = offset + 2
    end
    if tvb(offset - 2, 2):uint() ~= tvb:len() - offset then
        return bad(branch, tvb(offset - 2, 2), "Appendage Length does not fit the message")
    end
    options_of(tvb, branch, offset)
end

-- Message blocks from `offset` on, then zero bytes.
local function blocks_of(tvb, tree, offset, count, is_request)
    for _ = 1, count do
        if offset + 2 > tvb:len() then
            return bad(tree, tvb(), "fewer message blocks than the header says")
        end
        local length = tvb(offset, 2):uint()
        if offset + 2 + length > tvb:len() then
            return bad(tree, tvb(offset, 2), "a message block overruns its datagram")
        end
        message_of(tvb(offset + 2, length):tvb(), tree, is_request)
        offset = offset + 2 + length
    end
    if offset < tvb:len() then
        local rest = tvb(offset)
        tree:add(f.padding, rest)
        if rest:bytes():tohex():find("[^0]") then
            bad(tree, rest, "padding is not zero")
        end
    end
end

local function order_datagram(tvb, tree)
    if tvb:len() < 18 then
        return bad(tree, tvb(), "an order datagram has a header of 18 bytes")
    end
    tree:add(f.token, tvb(0, 8))
    tree:add(f.number, tvb(8, 8))
    tree:add(f.count, tvb(16, 2))
    blocks_of(tvb, tree, 18, tvb(16, 2):uint(), true)
end

local function responses_packet(tvb, tree)
    if tvb:len() < 20 then
        return bad(tree, tvb(), "a downstream packet has a header of 20 bytes")
    end
    tree:add(f.session, tvb(0, 10))
    tree:add(f.sequence, tvb(10, 8))
    tree:add(f.count, tvb(18, 2))
    local count = tvb(18, 2):uint()
    -- The end of the session has no messages.
    blocks_of(tvb, tree, 20, count == 0xFFFF and 0 or count, false)
end

function exchange.dissector(tvb, pinfo, root)
    pinfo.cols.protocol = "ORDERS"
    local is_request = pinfo.dst_port == exchange.prefs.port
    local tree = root:add(exchange, tvb(), is_request and "Order Datagram" or "Responses")
    if is_request then
        order_datagram(tvb, tree)
    else
        responses_packet(tvb, tree)
    end
    return tvb:len()
end

-- What SoupBinTCP carries, sequenced or not.
exchange:register_heuristic("soupbintcp", function(tvb, pinfo, root)
    local port = exchange.prefs.port
    if pinfo.dst_port ~= port and pinfo.src_port ~= port then
        return false
    end
    local is_request = pinfo.dst_port == port
    local tree = root:add(exchange, tvb(), is_request and "Request" or "Response")
    message_of(tvb, tree, is_request)
    return true
end)

local ports = DissectorTable.get("udp.port")
local registered
local function register()
    if registered then
        ports:remove(registered, exchange)
    end
    registered = exchange.prefs.port
    ports:add(registered, exchange)
end
exchange.prefs_changed = register
register()
