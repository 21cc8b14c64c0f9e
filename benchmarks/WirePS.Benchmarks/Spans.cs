using System.Diagnostics;
using WirePS.Cryptography;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Storage;

namespace WirePS.Benchmarks;

/// <summary>What an engine is doing, the first that counts first.</summary>
internal enum SpanPart
{
    Stretch,
    Group,
    Write,
    Request,
}

/// <summary>One part of a pairing.</summary>
/// <param name="OnTheClock">How long it was what counts, in milliseconds.</param>
/// <param name="Took">How long all of it took, in milliseconds, though something else may have run beside it.</param>
/// <param name="Count">How often.</param>
internal sealed record PartReading(double OnTheClock, double Took, int Count);

/// <summary>A pairing.</summary>
/// <param name="Total">How long it took, in milliseconds.</param>
/// <param name="Parts">Its parts.</param>
internal sealed record Reading(double Total, IReadOnlyDictionary<SpanPart, PartReading> Parts);

/// <summary>Notes when engines do what takes time.</summary>
internal sealed class Spans : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<(SpanPart Part, long Start, long End)> _spans = [];
    private readonly HttpClient _client;

    public Spans() => _client = new HttpClient(new TimedRequests(this)) { Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>The real surroundings of an engine, timed.</summary>
    public WireSurroundings Surroundings() => new()
    {
        Files = new TimedFiles(this, DiskFileSystem.Instance),
        Stretcher = new TimedStretcher(this, Argon2CodeStretcher.Instance),
        Group = new TimedGroup(this, Edwards25519PairingGroup.Instance),
        Relays = new TimedRelays(_client),
    };

    public void Dispose() => _client.Dispose();

    public void Clear()
    {
        lock (_gate)
        {
            _spans.Clear();
        }
    }

    public Reading Read(long from, long to)
    {
        List<(SpanPart Part, long Start, long End)> spans;
        lock (_gate)
        {
            spans = [.. _spans.Select(s => (s.Part, Start: Math.Max(s.Start, from), End: Math.Min(s.End, to))).Where(static s => s.Start < s.End)];
        }

        // Between two of these moments nothing begins or ends.
        long[] moments = [.. spans.SelectMany(static s => (long[])[s.Start, s.End]).Distinct().Order()];
        var onTheClock = Enum.GetValues<SpanPart>().ToDictionary(static part => part, static _ => 0.0);
        foreach (var (start, end) in moments.Zip(moments.Skip(1)))
        {
            var running = spans.Where(s => s.Start <= start && s.End >= end).Select(static s => s.Part).ToList();
            if (running.Count > 0)
            {
                onTheClock[running.Min()] += Milliseconds(start, end);
            }
        }

        return new Reading(
            Milliseconds(from, to),
            onTheClock.ToDictionary(
                static part => part.Key,
                part => new PartReading(part.Value, spans.Where(s => s.Part == part.Key).Sum(static s => Milliseconds(s.Start, s.End)), spans.Count(s => s.Part == part.Key))));
    }

    private static double Milliseconds(long start, long end) => Stopwatch.GetElapsedTime(start, end).TotalMilliseconds;

    private T Time<T>(SpanPart part, Func<T> work)
    {
        var start = Stopwatch.GetTimestamp();
        try
        {
            return work();
        }
        finally
        {
            Note(part, start);
        }
    }

    private void Note(SpanPart part, long start)
    {
        lock (_gate)
        {
            _spans.Add((part, start, Stopwatch.GetTimestamp()));
        }
    }

    private sealed class TimedStretcher(Spans spans, ICodeStretcher inner) : ICodeStretcher
    {
        public StretchedCode Stretch(string canonicalCode) => spans.Time(SpanPart.Stretch, () => inner.Stretch(canonicalCode));
    }

    private sealed class TimedGroup(Spans spans, IPairingGroup inner) : IPairingGroup
    {
        public byte[] Share(PairRole role, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> w)
        {
            var start = Stopwatch.GetTimestamp();
            var share = inner.Share(role, scalar, w);
            spans.Note(SpanPart.Group, start);
            return share;
        }

        public PairingV2Keys Derive(
            PairRole own, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> w, ReadOnlySpan<byte> ownShare, ReadOnlySpan<byte> peerShare,
            ReadOnlySpan<byte> ownIdCommit, ReadOnlySpan<byte> peerIdCommit)
        {
            var start = Stopwatch.GetTimestamp();
            var keys = inner.Derive(own, scalar, w, ownShare, peerShare, ownIdCommit, peerIdCommit);
            spans.Note(SpanPart.Group, start);
            return keys;
        }
    }

    private sealed class TimedFiles(Spans spans, IFileSystem inner) : IFileSystem
    {
        public byte[]? ReadPrivate(string path, int maxBytes) => inner.ReadPrivate(path, maxBytes);

        public byte[]? ReadOpen(string path, int maxBytes) => inner.ReadOpen(path, maxBytes);

        public byte[] ReadPrivateRange(string path, long offset, int count) => inner.ReadPrivateRange(path, offset, count);

        public bool Narrow(string path) => inner.Narrow(path);

        public bool Exists(string path) => inner.Exists(path);

        public long Length(string path) => inner.Length(path);

        public IReadOnlyList<FileListing> List(string folder) => inner.List(folder);

        public bool EnsurePrivateFolder(string folder) => inner.EnsurePrivateFolder(folder);

        public void RemoveLeftovers(string folder, TimeSpan age) => inner.RemoveLeftovers(folder, age);

        public IDisposable? TryLock(string path) => inner.TryLock(path);

        public void WritePrivate(string path, ReadOnlySpan<byte> content)
        {
            var start = Stopwatch.GetTimestamp();
            inner.WritePrivate(path, content);
            spans.Note(SpanPart.Write, start);
        }

        public void AppendPrivate(string path, ReadOnlySpan<byte> content)
        {
            var start = Stopwatch.GetTimestamp();
            inner.AppendPrivate(path, content);
            spans.Note(SpanPart.Write, start);
        }

        public void AppendLoosely(string path, ReadOnlySpan<byte> content) => inner.AppendLoosely(path, content);

        public void Truncate(string path, long length)
        {
            var start = Stopwatch.GetTimestamp();
            inner.Truncate(path, length);
            spans.Note(SpanPart.Write, start);
        }

        public void Rename(string path, string newPath)
        {
            var start = Stopwatch.GetTimestamp();
            inner.Rename(path, newPath);
            spans.Note(SpanPart.Write, start);
        }

        public void Delete(string path)
        {
            var start = Stopwatch.GetTimestamp();
            inner.Delete(path);
            spans.Note(SpanPart.Write, start);
        }
    }

    private sealed class TimedRelays(HttpClient client) : IRelayConnections
    {
        private readonly Dictionary<string, IRelay> _relays = new(StringComparer.Ordinal);
        private readonly Lock _gate = new();

        public IRelay To(string url)
        {
            lock (_gate)
            {
                return _relays.TryGetValue(url, out var relay) ? relay : _relays[url] = new HttpRelay(url, client, TimeProvider.System);
            }
        }
    }

    private sealed class TimedRequests(Spans spans) : DelegatingHandler(new SocketsHttpHandler { UseCookies = false })
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            // One that waits for the other side is no work.
            var uri = request.RequestUri!;
            var waits = uri.AbsolutePath == "/v2/pair/wait" || (uri.Query.Contains("wait=", StringComparison.Ordinal) && !uri.Query.Contains("wait=0", StringComparison.Ordinal));
            var start = Stopwatch.GetTimestamp();
            var response = await base.SendAsync(request, cancellationToken);
            if (!waits)
            {
                spans.Note(SpanPart.Request, start);
            }

            return response;
        }
    }
}
