using WirePS.Relay.Storage;
using WirePS.Relay.Storage.Sqlite;
using WirePS.Relay.Tests.Support;

namespace WirePS.Relay.Tests;

/// <summary>The program: options, exit codes, files, what it says about itself.</summary>
public sealed class ProgramTests
{
    [Fact]
    public async Task Help_and_version_are_given_without_starting()
    {
        var help = await RelayProcess.RunAsync("--help");
        Assert.Equal(0, help.Code);
        foreach (var option in new[] { "--data", "--urls", "--ready-file", "--metrics-port", "--trusted-proxy", "Kestrel__Certificates__Default__Path" })
        {
            Assert.Contains(option, help.Output, StringComparison.Ordinal);
        }

        var version = await RelayProcess.RunAsync("--version");
        Assert.Matches("^wireps-relay [0-9]+\\.[0-9]+\\.[0-9]+\\s*$", version.Output);
    }

    [Theory]
    [InlineData("--dta", "x")]
    [InlineData("x")]
    [InlineData("--data")]
    [InlineData("--metrics-port", "0")]
    [InlineData("--metrics-port", "x")]
    [InlineData("--allocations-per-minute", "0")]
    [InlineData("--max-unbound-waits-per-source", "x")]
    [InlineData("--urls", "nowhere")]
    [InlineData("--urls", ";")]
    [InlineData("--trusted-proxy", "somebody")]
    [InlineData("--log-level", "loud")]
    [InlineData("--data", "a", "--data", "b")]
    public void Wrong_options_are_refused(params string[] arguments) =>
        Assert.Throws<UsageException>(() => RelayOptionsReader.Read(arguments, static _ => null));

    [Fact]
    public async Task A_wrong_option_ends_the_program_with_one_line_and_code_2()
    {
        var (code, output, error) = await RelayProcess.RunAsync("--nope", "1");
        Assert.Equal((2, ""), (code, output));
        Assert.Equal("wireps-relay: unknown option '--nope'; --help lists them", error.Trim());
    }

    [Fact]
    public void The_command_line_wins_over_the_environment()
    {
        string? Environment(string name) => name switch
        {
            "WIREPS_RELAY_DATA" => "/from/environment",
            "WIREPS_RELAY_ALLOCATIONS_PER_MINUTE" => "7",
            _ => null,
        };

        var options = RelayOptionsReader.Read(["--data=/from/line", "--trusted-proxy", "10.0.0.0/8", "--trusted-proxy=192.0.2.1,::1", "--urls", "http://a:1;https://b:2"], Environment);
        Assert.Equal("/from/line", options.DataFolder);
        Assert.Equal(7, options.AllocationsPerMinute);
        Assert.Equal(120, options.RendezvousPerMinute);
        Assert.Equal(["10.0.0.0/8", "192.0.2.1/32", "::1/128"], options.TrustedProxies.Select(static network => network.ToString()));
        Assert.Equal(["http://a:1", "https://b:2"], options.Urls);
    }

    [Fact]
    public void The_data_lies_in_the_home_of_wire_or_in_the_state_folder()
    {
        Assert.Equal("/w/state/wireps-relay", Read(("WIRE_HOME", "/w"), ("XDG_STATE_HOME", "/x")).DataFolder);
        Assert.Equal("/x/wireps-relay", Read(("XDG_STATE_HOME", "/x")).DataFolder);
        Assert.EndsWith("wireps-relay", Read().DataFolder, StringComparison.Ordinal);

        static RelayOptions Read(params (string Name, string Value)[] environment) =>
            RelayOptionsReader.Read([], name => environment.FirstOrDefault(item => item.Name == name).Value);
    }

    [Fact]
    public async Task Settings_of_the_folder_are_read_and_unknown_ones_refused()
    {
        using var folder = new TempFolder();
        var settings = Path.Combine(folder.Path, "appsettings.json");
        await File.WriteAllTextAsync(settings, """{"Relay":{"trusted-proxy":["127.0.0.1"]}}""");
        await using (var relay = await RelayProcess.StartAsync(folder))
        {
            Assert.Equal(200, (await relay.Client.GetAsync("/healthz")).Status);
        }

        await File.WriteAllTextAsync(settings, """{"Relay":{"dta":"x"}}""");
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => RelayProcess.StartAsync(folder));
        Assert.Contains("unknown setting 'Relay:dta'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Data_of_a_newer_program_is_refused_and_left_alone()
    {
        using var folder = new TempFolder();
        await SqliteRelayStore.Open(folder.Data, new Waiting.NewsBoard(), new RelayMetrics(), TimeProvider.System).DisposeAsync();
        Databases.Scalar(folder.Data, "UPDATE meta SET value = '4' WHERE name = 'schema_version'");

        var (code, _, error) = await RelayProcess.RunAsync("--data", folder.Data, "--urls", "http://127.0.0.1:0");
        Assert.Equal(1, code);
        Assert.Contains("schema version 4; this program knows versions up to 3", error, StringComparison.Ordinal);
        Assert.Equal("4", Databases.Scalar(folder.Data, "SELECT value FROM meta WHERE name = 'schema_version'"));
    }

    [Fact]
    public async Task A_second_relay_on_the_same_data_is_refused()
    {
        await using var relay = await TestRelay.StartAsync();
        var failure = await Assert.ThrowsAsync<StoreException>(() => RelayHost.StartAsync(new RelayOptions { DataFolder = relay.DataFolder, Urls = ["http://127.0.0.1:0"] }));
        Assert.Contains("another relay", failure.Message, StringComparison.Ordinal);
        Assert.Equal(200, (await relay.Client.GetAsync("/healthz")).Status);
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_refused_with_one_line()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.Data);
        await File.WriteAllTextAsync(Databases.PathOf(folder.Data), new string('x', 10_000));
        var (code, _, error) = await RelayProcess.RunAsync("--data", folder.Data, "--urls", "http://127.0.0.1:0");

        Assert.Equal(1, code);
        Assert.Single(error.Trim().Split('\n'));
        Assert.Contains("damaged or no SQLite database", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_is_taken_ends_the_program_and_the_data_is_free_again()
    {
        await using var relay = await TestRelay.StartAsync();
        using var folder = new TempFolder();
        await Assert.ThrowsAsync<IOException>(() => RelayHost.StartAsync(new RelayOptions { DataFolder = folder.Data, Urls = [relay.Client.BaseUrl] }));
        await using var other = await RelayHost.StartAsync(new RelayOptions { DataFolder = folder.Data, Urls = ["http://127.0.0.1:0"] });
        Assert.NotEqual(relay.Host.RelayId, other.RelayId);
    }

    [Fact]
    public void A_missing_library_is_told_with_how_to_install_it() =>
        Assert.Contains("'apt-get install libsqlite3-0'", new SqliteMissingException(["libsqlite3.so.0"]).Message, StringComparison.Ordinal);

    [Fact]
    public async Task The_address_for_this_machine_is_one_that_it_can_reach()
    {
        using var folder = new TempFolder();
        await using var relay = await RelayHost.StartAsync(new RelayOptions { DataFolder = folder.Data, Urls = ["http://0.0.0.0:0"] });
        using var client = new RelayClient(relay.LocalUrl);
        Assert.Equal(200, (await client.GetAsync("/healthz")).Status);
        Assert.StartsWith("http://127.0.0.1:", relay.LocalUrl, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_others_can_read_is_closed()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.Data);
        await using var relay = await RelayHost.StartAsync(new RelayOptions { DataFolder = folder.Data, Urls = ["http://127.0.0.1:0"] });
        Assert.Equal(Modes.PrivateFolder, Modes.Of(folder.Data, Modes.PrivateFolder));
    }

    [Fact]
    public async Task An_open_folder_with_other_things_in_it_is_left_alone()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.Data);
        await File.WriteAllTextAsync(Path.Combine(folder.Data, "letter.txt"), "mine");
        var before = Modes.Of(folder.Data, 0);
        var failure = await Assert.ThrowsAsync<StoreException>(() => RelayHost.StartAsync(new RelayOptions { DataFolder = folder.Data, Urls = ["http://127.0.0.1:0"] }));

        Assert.Contains("a folder of its own", failure.Message, StringComparison.Ordinal);
        Assert.Equal(before, Modes.Of(folder.Data, 0));
        Assert.Equal(["letter.txt"], Directory.GetFiles(folder.Data).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Info_says_what_the_relay_is_and_keeps_its_id()
    {
        using var folder = new TempFolder();
        string id;
        await using (var relay = await RelayProcess.StartAsync(folder))
        {
            var answer = await relay.Client.GetAsync("/v2/info");
            Assert.Equal((200, "application/json"), (answer.Status, answer.ContentType));
            id = answer.Text("relay_id")!;
            Assert.Matches("^[0-9a-f]{32}$", id);
            Assert.Equal(relay.RelayId, id);
            Assert.Equal("[\"v1\",\"v2\"]", answer.Json.GetProperty("protocols").GetRawText());
            Assert.InRange(answer.Json.GetProperty("time").GetDateTimeOffset(), DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddMinutes(1));
            Assert.Equal(
                """{"message_bytes":65536,"event_bytes":262144,"slot_bytes":67108864,"wait_seconds":55,"wait_items":1000,"pair_lifetime_min":1,"pair_lifetime_max":604800,"grants_per_slot":10000}""",
                answer.Json.GetProperty("limits").GetRawText());
            await relay.KillAsync();
        }

        await using var again = await RelayProcess.StartAsync(folder);
        Assert.Equal(id, again.RelayId);
    }

    [Fact]
    public async Task Metrics_are_served_on_their_own_port_only()
    {
        var port = FreePort();
        await using var relay = await TestRelay.StartAsync(configure: options => options with { MetricsPort = port });
        var slot = await relay.Client.AllocateAsync();
        await relay.Client.PostEventAsync(slot, "1");
        using var metrics = new RelayClient($"http://127.0.0.1:{port}");
        var text = await metrics.GetAsync("/metrics");

        Assert.Equal(200, text.Status);
        Assert.Contains("\nwireps_relay_events_stored_total 1\n", text.Body, StringComparison.Ordinal);
        Assert.Contains("\nwireps_relay_responses_total{class=\"2xx\"} 2\n", text.Body, StringComparison.Ordinal);
        Assert.DoesNotContain(slot.Id, text.Body, StringComparison.Ordinal);
        Assert.Equal(404, (await metrics.GetAsync("/healthz")).Status);
        Assert.Equal(404, (await relay.Client.GetAsync("/metrics")).Status);
        Assert.DoesNotContain(relay.Host.Urls, url => url.EndsWith($":{port}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Nothing_secret_is_logged_at_the_loudest()
    {
        using var folder = new TempFolder();
        await using var relay = await RelayProcess.StartAsync(folder, "--log-level", "Trace");
        var slot = await relay.Client.AllocateAsync();
        await relay.Client.PostEventAsync(slot, "\"body-text\"");
        await relay.Client.OpenPairAsync("code-hash-text", "host", "message-text");
        await relay.TerminateAsync();

        var log = await relay.ErrorAsync();
        Assert.NotEmpty(log);
        foreach (var secret in new[] { slot.Token, "body-text", "code-hash-text", "message-text" })
        {
            Assert.DoesNotContain(secret, log, StringComparison.Ordinal);
        }
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}
