using WirePS.Pairing;
using WirePS.Storage;
using WirePS.Tests.Support;
using Xunit;

namespace WirePS.Tests.Pairing;

/// <summary>Listing pairings while their files get other names, and finding them by codes that their files have forgotten.</summary>
public sealed class ListingTests : IDisposable
{
    private readonly TestHome _home = new();
    private readonly FaultyFiles _files = new(DiskFileSystem.Instance);
    private readonly WireEngine _engine;

    public ListingTests() => _engine = new WireEngine(_home.Home, new WireSurroundings { Files = _files });

    public void Dispose()
    {
        _engine.Dispose();
        _home.Dispose();
    }

    [Fact]
    public async Task A_file_that_is_renamed_between_the_look_and_the_read_is_still_in_the_list()
    {
        var (key, pair) = await RequestAsync();
        _files.Weather = (work, path) =>
        {
            if (work == FileWork.Read && path == _engine.Pairs.PathOf(key) && File.Exists(path))
            {
                File.Move(path, _engine.Pairs.PathOf(pair.Id));
            }

            return FileFault.None;
        };
        var file = Assert.Single(_engine.Pairs.List());
        Assert.Equal(pair.Id, file.Pair?.Id);
        Assert.Equal(pair.Id, file.Key);
    }

    [Fact]
    public async Task A_pairing_that_is_seen_under_both_names_is_in_the_list_once()
    {
        var (key, pair) = await RequestAsync();
        File.Copy(_engine.Pairs.PathOf(key), _engine.Pairs.PathOf(pair.Id));
        Assert.Equal(pair.Id, Assert.Single(_engine.Pairs.List()).Pair?.Id);
    }

    [Fact]
    public async Task An_ended_pairing_is_found_by_the_code_that_it_had()
    {
        var (key, pair) = await RequestAsync();
        await RequestAsync();
        await _engine.Pairing.StopAsync(key, CancellationToken.None);
        Assert.Null(_engine.Pairs.Load(key));
        var found = Assert.Single(await _engine.RetiredCodes.FindAsync(pair.Code, CancellationToken.None));
        Assert.Equal(pair.Id, found.Pair?.Id);
        Assert.Empty(await _engine.RetiredCodes.FindAsync("WIRETRUSTEDA", CancellationToken.None));
    }

    private Task<(string Key, PendingPair Pair)> RequestAsync() =>
        _engine.Pairing.RequestAsync(new PairWish { Relay = "http://127.0.0.1:9" }, CancellationToken.None);
}
