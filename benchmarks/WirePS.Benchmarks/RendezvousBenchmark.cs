using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using WirePS.Pairing;

namespace WirePS.Benchmarks;

/// <summary>
/// The relay alone: many connections, each of which takes one rendezvous after the other from its first message to its
/// end, with messages that were prepared before. No cryptography, and as little work in the clients as can be.
/// </summary>
internal static class RendezvousBenchmark
{
    private const int Connections = 64;
    private const int Windows = 3;
    private const double Target = 500;

    // The relay has compiled its code after this.
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(5);

    public static async Task RunAsync(Report report, string relayProgram, string folder, CancellationToken cancellationToken)
    {
        Report.Heading($"The relay alone: {Connections} connections, {PreparedClient.Requests} requests for a rendezvous (8 PUT, 8 GET, 2 DELETE), durable before each reply");
        await using var relay = await MeasuredRelay.StartAsync(relayProgram, folder, cancellationToken);
        if (!await relay.ServesAsync(PairProtocolVersion.V2, cancellationToken))
        {
            Console.WriteLine("  not measured: this relay does not serve it");
            return;
        }

        var done = 0L;
        var rates = new List<double>();
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var clients = Enumerable.Range(0, Connections).Select(_ => ServeAsync()).ToList();
        var all = Task.WhenAll(clients);
        var commits = 0.0;
        try
        {
            await PassAsync(WarmUp);
            for (var window = 0; window < Windows; window++)
            {
                var (before, committed, start) = (Interlocked.Read(ref done), await relay.CommitsAsync(cancellationToken), Stopwatch.GetTimestamp());
                await PassAsync(Window);
                var count = Interlocked.Read(ref done) - before;
                rates.Add(count / Stopwatch.GetElapsedTime(start).TotalSeconds);
                commits = (double)(await relay.CommitsAsync(cancellationToken) - committed) / count;
            }
        }
        finally
        {
            await ending.CancelAsync();
            await all.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        var found = new Measured(rates);
        Report.RateRow($"complete rendezvous (windows of {Window.TotalSeconds:0} s)", found);
        Report.Line($"  {"transactions of the relay for a rendezvous",-64} {commits,6:0.00}");
        Console.WriteLine("  The clients are in the process of the benchmark, on the same cores.");
        report.AtLeast("relay alone: complete rendezvous", found.Median, Target);

        // A client that fails fails the measurement, and not only once its time is over.
        async Task PassAsync(TimeSpan time)
        {
            if (await Task.WhenAny(Task.Delay(time, cancellationToken), Task.WhenAny(clients)) is Task<Task> { Result: var client })
            {
                await client;
            }

            cancellationToken.ThrowIfCancellationRequested();
        }

        async Task ServeAsync()
        {
            using var client = await PreparedClient.ConnectAsync(new Uri(relay.Url), ending.Token);
            while (true)
            {
                await client.RunAsync(ending.Token);
                Interlocked.Increment(ref done);
            }
        }
    }

    /// <summary>One connection with all the requests of a rendezvous, in which only the lookup is filled in.</summary>
    private sealed class PreparedClient : IDisposable
    {
        public const int Requests = 18;

        private const int LookupBytes = 32;
        private static readonly string[] Roles = ["host", "guest"];

        private readonly HttpConnection _connection = new();
        private readonly List<Prepared> _requests = [];
        private readonly byte[] _random = new byte[LookupBytes];

        private PreparedClient(string authority)
        {
            string[] tokens = [Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)), Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32))];
            for (var phase = 0; phase <= 3; phase++)
            {
                for (var own = 0; own < Roles.Length; own++)
                {
                    var body = Message(own, phase);
                    Add("PUT", own, $"/{phase}", body, HttpStatusCode.Created, 0);
                    Add("GET", 1 - own, string.Create(CultureInfo.InvariantCulture, $"?after={phase - 1}"), "", HttpStatusCode.OK, body.Length);
                }
            }

            Add("DELETE", 0, "?reason=done", "", HttpStatusCode.NoContent, 0);
            Add("DELETE", 1, "?reason=done", "", HttpStatusCode.NoContent, 0);

            void Add(string method, int role, string rest, string body, HttpStatusCode status, int replyBytes)
            {
                var start = $"{method} /v2/pair/";
                var head = $"{start}{new string('0', 2 * LookupBytes)}/{Roles[role]}{rest} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {tokens[role]}\r\n";
                var type = body.Length > 0 ? string.Create(CultureInfo.InvariantCulture, $"Content-Type: application/json\r\nContent-Length: {body.Length}\r\n") : "";
                _requests.Add(new Prepared(Encoding.ASCII.GetBytes($"{head}{type}\r\n{body}"), start.Length, Encoding.ASCII.GetBytes($"HTTP/1.1 {(int)status} "), replyBytes));
            }
        }

        public static async Task<PreparedClient> ConnectAsync(Uri relay, CancellationToken cancellationToken)
        {
            var client = new PreparedClient(relay.Authority);
            try
            {
                await client._connection.ConnectAsync(relay.Host, relay.Port, cancellationToken);
                return client;
            }
            catch
            {
                client.Dispose();
                throw;
            }
        }

        /// <summary>One rendezvous, from the first message to the end of both sides.</summary>
        public async Task RunAsync(CancellationToken cancellationToken)
        {
            RandomNumberGenerator.Fill(_random);
            var lookup = Encoding.ASCII.GetBytes(Convert.ToHexStringLower(_random));
            foreach (var request in _requests)
            {
                lookup.CopyTo(request.Bytes, request.LookupAt);
                await _connection.ExpectAsync(request.Bytes, request.Status, request.ReplyBytes, cancellationToken);
            }
        }

        public void Dispose() => _connection.Dispose();

        // About as long as those of a pairing: what a relay keeps it does not read.
        private static string Message(int role, int phase)
        {
            var value = Text(32);
            return (role, phase) switch
            {
                (0, 0) => $$"""{"v":2,"commit":"{{value}}"}""",
                (_, 0) => $$"""{"v":2,"share":"{{value}}","id_commit":"{{value}}"}""",
                (0, 1) => $$"""{"v":2,"share":"{{value}}","id_commit":"{{value}}","nonce":"{{value}}","confirm":"{{value}}","sealed":"{{Text(1200)}}"}""",
                (_, 1) => $$"""{"v":2,"confirm":"{{value}}","sealed":"{{Text(1200)}}"}""",
                (_, 2) => $$"""{"v":2,"sealed":"{{Text(240)}}"}""",
                _ => $$"""{"v":2,"sealed":"{{Text(31)}}"}""",
            };
        }

        private static string Text(int bytes) => Convert.ToBase64String(RandomNumberGenerator.GetBytes(bytes));

        /// <summary>A request, where its lookup goes, and what the reply is at least.</summary>
        private sealed record Prepared(byte[] Bytes, int LookupAt, byte[] Status, int ReplyBytes);
    }
}
