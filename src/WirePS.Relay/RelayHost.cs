using System.Globalization;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection.Extensions;
using WirePS.Relay.Http;
using WirePS.Relay.Limits;
using WirePS.Relay.Storage;
using WirePS.Relay.Storage.Sqlite;
using WirePS.Relay.Waiting;

namespace WirePS.Relay;

/// <summary>What surrounds a relay and may be replaced by whoever hosts it.</summary>
public sealed record RelaySurroundings
{
    /// <summary>The clock: expiry, waits and limits follow it.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Wraps the store: sees every durable write, before its reply is sent.</summary>
    public Func<IRelayStore, IRelayStore> DecorateStore { get; init; } = static store => store;
}

/// <summary>A relay that runs in this process.</summary>
public sealed class RelayHost : IAsyncDisposable
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(1.5);

    private readonly WebApplication _app;
    private readonly IRelayStore _store;
    private readonly Task _sweeper;
    private bool _stopped;

    private RelayHost(WebApplication app, IRelayStore store, Task sweeper, IReadOnlyList<string> urls)
    {
        _app = app;
        _store = store;
        _sweeper = sweeper;
        Urls = urls;
    }

    /// <summary>The addresses the relay listens on, with the ports that the system picked.</summary>
    public IReadOnlyList<string> Urls { get; }

    /// <summary>The first of them as this machine reaches it, also where the relay listens on all its addresses.</summary>
    public string LocalUrl
    {
        get
        {
            var address = BindingAddress.Parse(Urls[0]);
            var host = address.Host is "+" or "*" or "0.0.0.0" or "[::]" ? "127.0.0.1" : address.Host;
            return string.Create(CultureInfo.InvariantCulture, $"{address.Scheme}://{host}:{address.Port}");
        }
    }

    /// <summary>The id that was made with the data.</summary>
    public string RelayId => _store.RelayId;

    /// <summary>Opens the data and listens.</summary>
    /// <exception cref="StoreException">The data cannot be used.</exception>
    /// <exception cref="IOException">An address cannot be listened on.</exception>
    public static async Task<RelayHost> StartAsync(RelayOptions options, RelaySurroundings? surroundings = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        surroundings ??= new RelaySurroundings();
        var board = new NewsBoard();
        var metrics = new RelayMetrics();
        var store = surroundings.DecorateStore(SqliteRelayStore.Open(options.DataFolder, board, metrics, surroundings.Time));
        WebApplication? app = null;
        try
        {
            app = Build(options);
            var relay = new RelayContext(store, board, new RelayLimits(options, surroundings.Time), metrics, surroundings.Time, app.Lifetime.ApplicationStopping);
            var pipeline = new RequestPipeline(Routes(relay), relay, options.MetricsPort, app.Services.GetRequiredService<ILogger<RequestPipeline>>());
            app.Run(pipeline.HandleAsync);
            await app.StartAsync(cancellationToken);
            var sweeper = new ExpirySweeper(store, metrics, surroundings.Time, app.Services.GetRequiredService<ILogger<ExpirySweeper>>());
            return new RelayHost(app, store, sweeper.RunAsync(app.Lifetime.ApplicationStopping), Listening(app, options));
        }
        catch
        {
            if (app is not null)
            {
                await app.DisposeAsync();
            }

            await store.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends streams and waits, lets running requests finish for a moment, and closes: within two seconds all told the data.</summary>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        if (_stopped)
        {
            return;
        }

        _stopped = true;
        await _app.StopAsync(cancellationToken);
        await _sweeper;
        await _app.DisposeAsync();
        await _store.DisposeAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync();

    private static WebApplication Build(RelayOptions options)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.SetMinimumLevel(options.LogLevel);

        // a port that is taken is told by the program, in one line
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        builder.Logging.AddSimpleConsole(static console => console.SingleLine = true);
        builder.Logging.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(
            static console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services.Configure<HostOptions>(static host => host.ShutdownTimeout = StopTimeout);

        // the program, not this class, listens for signals: more than one relay may run in a process
        builder.Services.RemoveAll<IHostLifetime>();
        builder.Services.AddSingleton<IHostLifetime, QuietLifetime>();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null;
            if (options.Kestrel is not null)
            {
                kestrel.Configure(options.Kestrel);
            }
        });
        var urls = options.MetricsPort is { } port ? options.Urls.Append($"http://127.0.0.1:{port}") : options.Urls;
        builder.WebHost.UseUrls([.. urls]);
        return builder.Build();
    }

    private static RouteTable Routes(RelayContext relay)
    {
        var routes = new RouteTable();
        new InfoRoutes(relay).Map(routes);
        new V1SlotRoutes(relay).Map(routes);
        new V1EventRoutes(relay).Map(routes);
        new V1PairRoutes(relay).Map(routes);
        new V1HandleRoutes(relay).Map(routes);
        new V1IntroRoutes(relay).Map(routes);
        new V1InviteRoutes(relay).Map(routes);
        new StatsRoutes(relay).Map(routes);
        new V2PairRoutes(relay).Map(routes);
        new V2GrantRoutes(relay).Map(routes);
        new V2EventRoutes(relay).Map(routes);
        return routes;
    }

    private static List<string> Listening(WebApplication app, RelayOptions options)
    {
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        return [.. addresses.Where(address => BindingAddress.Parse(address).Port != options.MetricsPort)];
    }

    private sealed class QuietLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
