namespace WirePS.Relay.Http;

/// <summary>Answers one request; <paramref name="values"/> are the parts of the path that the template leaves open.</summary>
internal delegate Task RouteHandler(HttpContext http, string[] values);

/// <summary>
/// Finds the handler of a request by the rules of the real relay's router, which endpoint routing does not share: paths are case-sensitive, a slash at
/// the end is another path, a literal part beats an open one whatever the method, GET answers HEAD, and a wrong method is answered with
/// <c>allow</c> in the order in which the methods were registered.
/// </summary>
internal sealed class RouteTable
{
    private readonly List<Route> _routes = [];

    /// <summary>Registers the methods of a path; <c>{}</c> is an open part.</summary>
    public RouteTable Map(string template, params ReadOnlySpan<(string Method, RouteHandler Handler)> methods)
    {
        var handlers = new Dictionary<string, RouteHandler>(StringComparer.Ordinal);
        var allow = new List<string>();
        foreach (var (method, handler) in methods)
        {
            handlers.Add(method, handler);
            allow.Add(method);
            if (method == HttpMethods.Get)
            {
                handlers.Add(HttpMethods.Head, handler);
                allow.Add(HttpMethods.Head);
            }
        }

        _routes.Add(new Route(template.Split('/'), handlers, string.Join(',', allow)));
        return this;
    }

    public Task DispatchAsync(HttpContext http)
    {
        var parts = (http.Request.Path.Value ?? "").Split('/');
        Route? best = null;
        foreach (var route in _routes)
        {
            if (route.Matches(parts) && (best is null || route.OpenParts < best.OpenParts))
            {
                best = route;
            }
        }

        if (best is null)
        {
            return Reply.NotFoundAsync(http);
        }

        return best.Handlers.TryGetValue(http.Request.Method, out var handler)
            ? handler(http, best.Values(parts))
            : Reply.WrongMethodAsync(http, best.Allow);
    }

    private sealed class Route(string[] template, Dictionary<string, RouteHandler> handlers, string allow)
    {
        private const string Open = "{}";

        public Dictionary<string, RouteHandler> Handlers { get; } = handlers;

        public string Allow { get; } = allow;

        public int OpenParts { get; } = template.Count(static part => part == Open);

        public bool Matches(string[] parts)
        {
            if (parts.Length != template.Length)
            {
                return false;
            }

            for (var i = 0; i < parts.Length; i++)
            {
                if (template[i] == Open ? parts[i].Length == 0 : parts[i] != template[i])
                {
                    return false;
                }
            }

            return true;
        }

        public string[] Values(string[] parts) => OpenParts == 0 ? [] : parts.Where((_, i) => template[i] == Open).ToArray();
    }
}
