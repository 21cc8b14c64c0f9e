using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace WirePS.Relay;

/// <summary>The relays over HTTP, with the one HTTP client of the process.</summary>
/// <param name="time">The clock for time-outs and gaps between polls.</param>
public sealed class HttpRelayConnections(TimeProvider time) : IRelayConnections
{
    private static readonly HttpClient Client = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        Proxy = new ProxyButForLoopback(),
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        MaxResponseHeadersLength = 16,
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    private readonly ConcurrentDictionary<string, IRelay> _relays = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public IRelay To(string url) => _relays.GetOrAdd(url, static (u, t) => new HttpRelay(u, Client, t), time);
}

/// <summary>The proxy of the environment, which never sees what goes to this machine itself: that may be plain http.</summary>
internal sealed class ProxyButForLoopback : IWebProxy
{
    /// <inheritdoc/>
    public ICredentials? Credentials
    {
        get => HttpClient.DefaultProxy.Credentials;
        set => HttpClient.DefaultProxy.Credentials = value;
    }

    /// <inheritdoc/>
    public Uri? GetProxy(Uri destination) => destination.IsLoopback ? null : HttpClient.DefaultProxy.GetProxy(destination);

    /// <inheritdoc/>
    public bool IsBypassed(Uri host) => host.IsLoopback || HttpClient.DefaultProxy.IsBypassed(host);
}

[JsonSerializable(typeof(JsonObject))]
internal sealed partial class RelayJson : JsonSerializerContext;
