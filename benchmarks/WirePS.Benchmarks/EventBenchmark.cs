using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace WirePS.Benchmarks;

/// <summary>
/// Events posted to one mailbox of the relay, each durable before its reply, beside values appended to one list of a Redis
/// that flushes before each reply: the same number of clients, 400 bytes each, by turns in one run; then once more with
/// 100,000 events in the mailbox.
/// </summary>
internal static class EventBenchmark
{
    private const int Clients = 64;
    private const int EventBytes = 400;
    private const int Windows = 5;
    private const int ManyEvents = 100_000;

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(3);

    // A mailbox takes 64 MiB that its owner has not fetched: the windows of one mailbox together stay below that.
    private static readonly TimeSpan WindowOfFull = TimeSpan.FromMilliseconds(500);

    public static async Task RunAsync(Report report, string relayProgram, string folder, CancellationToken cancellationToken)
    {
        Report.Heading(string.Create(CultureInfo.InvariantCulture, $"Events: {Clients} clients post events of {EventBytes} bytes to one mailbox, durable before each reply"));
        await using var relay = await MeasuredRelay.StartAsync(relayProgram, folder, cancellationToken);
        await using var redis = await RedisServer.StartAsync(folder, cancellationToken);
        using var pushers = redis is null ? null : await Posters.OnRedisAsync(redis.Port, cancellationToken);
        await PostAsync(relay, WarmUp, cancellationToken);

        var (ours, theirs) = (new List<double>(), new List<double>());
        var before = await relay.CommitsAsync(cancellationToken);
        var posted = 0L;
        var (relayTime, clientTime) = (TimeSpan.Zero, TimeSpan.Zero);
        for (var window = 0; window < Windows; window++)
        {
            var (relayBefore, clientsBefore) = (relay.ProcessorTime, Environment.CpuUsage.TotalTime);
            var (rate, count) = await PostAsync(relay, Window, cancellationToken);
            relayTime += relay.ProcessorTime - relayBefore;
            clientTime += Environment.CpuUsage.TotalTime - clientsBefore;
            ours.Add(rate);
            posted += count;
            if (pushers is not null)
            {
                theirs.Add((await pushers.RunAsync(Window, cancellationToken)).Rate);
            }
        }

        var perCommit = (double)posted / (await relay.CommitsAsync(cancellationToken) - before);
        var few = new Measured(ours);
        Report.RateRow("events posted to the relay", few);
        Report.Line($"  {"events in a transaction of the relay",-64} {perCommit,6:0.0}");
        Report.Line($"  {"processor time for an event: relay, clients",-64} {relayTime.TotalMicroseconds / posted,6:0} µs {clientTime.TotalMicroseconds / posted,5:0} µs");
        if (pushers is null)
        {
            Console.WriteLine("  redis: not measured: it is not installed (Debian: apt-get install redis-server)");
            report.Unknown("relay: durable event posts beside Redis", "redis-server is not installed");
        }
        else
        {
            var pushed = new Measured(theirs);
            Report.RateRow("values appended in Redis, appendfsync always", pushed);
            report.AtLeast("relay: durable event posts", few.Median, pushed.Median, " of Redis");
        }

        await MeasureFullAsync(report, relay, cancellationToken);
        Console.WriteLine("  The clients are in the process of the benchmark, on the same cores.");
    }

    /// <summary>Posts to a new mailbox.</summary>
    private static async Task<(double Rate, long Count)> PostAsync(MeasuredRelay relay, TimeSpan time, CancellationToken cancellationToken)
    {
        using var posters = await Posters.OnRelayAsync(relay.Url, await Posters.AllocateAsync(relay.Url, cancellationToken), cancellationToken);
        return await posters.RunAsync(time, cancellationToken);
    }

    /// <summary>An empty mailbox and a full one, by turns.</summary>
    private static async Task MeasureFullAsync(Report report, MeasuredRelay relay, CancellationToken cancellationToken)
    {
        var full = await Posters.AllocateAsync(relay.Url, cancellationToken);
        using var intoFull = await Posters.OnRelayAsync(relay.Url, full, cancellationToken);
        for (var count = 0L; count < ManyEvents;)
        {
            count += (await intoFull.RunAsync(WindowOfFull, cancellationToken)).Count;
        }

        var (rates, fresh) = (new List<double>(), new List<double>());
        for (var window = 0; window < Windows; window++)
        {
            rates.Add((await intoFull.RunAsync(WindowOfFull, cancellationToken)).Rate);
            fresh.Add((await PostAsync(relay, WindowOfFull, cancellationToken)).Rate);
        }

        var (many, none) = (new Measured(rates), new Measured(fresh));
        Report.RateRow("into a mailbox with more than 100,000 events", many);
        Report.RateRow("into empty ones, by turns with it", none);

        // By turns on a shared machine two equal rates differ by a few percent.
        report.AtLeast("relay: event posts with 100,000 events in the mailbox", many.Median, none.Median * 0.9, " (nine tenths of an empty one's)");
    }

    /// <summary>Many connections that each send one request after the other.</summary>
    private sealed class Posters : IDisposable
    {
        private readonly List<Func<CancellationToken, ValueTask>> _sends = [];
        private readonly List<IDisposable> _connections = [];

        public static async Task<(string Slot, string Token)> AllocateAsync(string relay, CancellationToken cancellationToken)
        {
            using var client = new HttpClient();
            using var reply = await client.PostAsJsonAsync(new Uri(relay + "/v1/slot/allocate"), new Dictionary<string, string>(), cancellationToken);
            using var body = JsonDocument.Parse(await reply.Content.ReadAsByteArrayAsync(cancellationToken));
            return (body.RootElement.GetProperty("slot_id").GetString()!, body.RootElement.GetProperty("slot_token").GetString()!);
        }

        public static async Task<Posters> OnRelayAsync(string relay, (string Slot, string Token) mailbox, CancellationToken cancellationToken)
        {
            var url = new Uri(relay);
            var posters = new Posters();
            for (var i = 0; i < Clients; i++)
            {
                var connection = new HttpConnection();
                posters._connections.Add(connection);
                await connection.ConnectAsync(url.Host, url.Port, cancellationToken);
                var (request, idAt) = Request(url.Authority, mailbox);
                posters._sends.Add(async token =>
                {
                    Encoding.ASCII.GetBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)), request.AsSpan(idAt));
                    await connection.ExpectAsync(request, "HTTP/1.1 201 "u8.ToArray(), 1, token);
                });
            }

            return posters;
        }

        public static async Task<Posters> OnRedisAsync(int port, CancellationToken cancellationToken)
        {
            var posters = new Posters();
            var value = new string('x', EventBytes);
            var command = Encoding.ASCII.GetBytes($"*3\r\n$5\r\nRPUSH\r\n$4\r\nslot\r\n${value.Length.ToString(CultureInfo.InvariantCulture)}\r\n{value}\r\n");
            for (var i = 0; i < Clients; i++)
            {
                var connection = new RedisConnection();
                posters._connections.Add(connection);
                await connection.ConnectAsync("127.0.0.1", port, cancellationToken);
                posters._sends.Add(token => connection.ExpectNumberAsync(command, token));
            }

            return posters;
        }

        /// <summary>Sends for a while.</summary>
        public async Task<(double Rate, long Count)> RunAsync(TimeSpan time, CancellationToken cancellationToken)
        {
            var done = 0L;
            var start = Stopwatch.GetTimestamp();
            await Task.WhenAll(_sends.Select(send => Task.Run(
                async () =>
                {
                    while (Stopwatch.GetElapsedTime(start) < time)
                    {
                        await send(cancellationToken);
                        Interlocked.Increment(ref done);
                    }
                },
                cancellationToken)));
            return (done / Stopwatch.GetElapsedTime(start).TotalSeconds, done);
        }

        public void Dispose() => _connections.ForEach(static c => c.Dispose());

        /// <summary>A post of an event of 400 bytes, and where its id stands in it.</summary>
        private static (byte[] Request, int IdAt) Request(string authority, (string Slot, string Token) mailbox)
        {
            const string Before = "{\"event\":";
            const string Start = "{\"event_id\":\"";
            var frame = $"{Start}{new string('0', 64)}\",\"body\":\"\"}}";
            var item = $"{Start}{new string('0', 64)}\",\"body\":\"{new string('x', EventBytes - frame.Length)}\"}}";
            var head = string.Create(
                CultureInfo.InvariantCulture,
                $"POST /v1/events/{mailbox.Slot} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {mailbox.Token}\r\nContent-Type: application/json\r\nContent-Length: {Before.Length + item.Length + 1}\r\n\r\n");
            return (Encoding.ASCII.GetBytes($"{head}{Before}{item}}}"), head.Length + Before.Length + Start.Length);
        }
    }
}
