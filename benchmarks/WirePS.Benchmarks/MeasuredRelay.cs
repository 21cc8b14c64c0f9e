using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using WirePS.Pairing;
using WirePS.Samples.EngineHost;

namespace WirePS.Benchmarks;

/// <summary>A relay as a process of its own, which counts, and which lets one source do as much as it can.</summary>
internal sealed class MeasuredRelay : IAsyncDisposable
{
    private const string Unlimited = "100000000";

    private readonly HttpClient _client = new();
    private readonly ChildProcess _process;
    private readonly Uri _metrics;

    private MeasuredRelay(ChildProcess process, string url, Uri metrics)
    {
        _process = process;
        _metrics = metrics;
        Url = url;
    }

    public string Url { get; }

    public TimeSpan ProcessorTime => _process.ProcessorTime;

    public static async Task<MeasuredRelay> StartAsync(string program, string folder, CancellationToken cancellationToken)
    {
        var metrics = new Uri($"http://127.0.0.1:{FreePort()}/metrics");
        string[] options =
        [
            "--metrics-port", metrics.Port.ToString(CultureInfo.InvariantCulture),
            "--allocations-per-minute", Unlimited, "--rendezvous-per-minute", Unlimited, "--lookups-per-minute", Unlimited,
        ];
        var (process, url) = await ChildProcess.StartRelayAsync(program, folder, options, cancellationToken);
        return new MeasuredRelay(process, url, metrics);
    }

    public async Task<bool> ServesAsync(PairProtocolVersion protocol, CancellationToken cancellationToken)
    {
        using var info = JsonDocument.Parse(await _client.GetByteArrayAsync(new Uri(Url + "/v2/info"), cancellationToken));
        return info.RootElement.GetProperty("protocols").EnumerateArray().Any(served => served.ValueEquals(protocol == PairProtocolVersion.V1 ? "v1" : "v2"));
    }

    /// <summary>How many transactions are on its disk.</summary>
    public async Task<long> CommitsAsync(CancellationToken cancellationToken)
    {
        const string Name = "wireps_relay_commits_total ";
        var text = await _client.GetStringAsync(_metrics, cancellationToken);
        return long.Parse(text.Split('\n').Single(static line => line.StartsWith(Name, StringComparison.Ordinal))[Name.Length..], CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _process.DisposeAsync();
    }

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
