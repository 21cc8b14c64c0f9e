using WirePS.Relay.Storage;

namespace WirePS.Relay.Tests.Support;

/// <summary>A relay in this process, on a port of its own, with data of its own.</summary>
internal sealed class TestRelay : IAsyncDisposable
{
    private readonly TempFolder _folder;
    private readonly RelayOptions _options;
    private readonly RelaySurroundings _surroundings;

    private TestRelay(TempFolder folder, RelayOptions options, RelaySurroundings surroundings, RelayHost host)
    {
        _folder = folder;
        _options = options;
        _surroundings = surroundings;
        Host = host;
        Client = new RelayClient(host.Urls[0]);
    }

    public RelayHost Host { get; private set; }

    public RelayClient Client { get; private set; }

    public string DataFolder => _options.DataFolder;

    public static async Task<TestRelay> StartAsync(
        TimeProvider? time = null,
        Func<RelayOptions, RelayOptions>? configure = null,
        Func<IRelayStore, IRelayStore>? decorate = null)
    {
        var folder = new TempFolder();
        var options = new RelayOptions
        {
            DataFolder = folder.Data,
            Urls = ["http://127.0.0.1:0"],
            AllocationsPerMinute = 1_000_000,
            RendezvousPerMinute = 1_000_000,
        };
        options = configure?.Invoke(options) ?? options;
        var surroundings = new RelaySurroundings { Time = time ?? TimeProvider.System, DecorateStore = decorate ?? (static store => store) };
        return new TestRelay(folder, options, surroundings, await RelayHost.StartAsync(options, surroundings));
    }

    /// <summary>Stops the relay and starts another on the same data.</summary>
    public async Task RestartAsync()
    {
        Client.Dispose();
        await Host.StopAsync();
        Host = await RelayHost.StartAsync(_options, _surroundings);
        Client = new RelayClient(Host.Urls[0]);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Host.DisposeAsync();
        _folder.Dispose();
    }
}

